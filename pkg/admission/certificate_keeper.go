package admission

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	// certificateInterval is how often the certificate is looked at, and fileInterval how
	// often one that somebody else writes into files is.
	certificateInterval = 30 * time.Second
	fileInterval        = 2 * time.Second
	// certificateRetry is the interval after an error, and while a certificate waits to be
	// served.
	certificateRetry = 2 * time.Second
	// certificateSettle is how long a new authority stands in the webhook configurations
	// before the first certificate that it signed is served: the API servers have to have
	// read it.
	certificateSettle = 15 * time.Second
)

// pace sets interval and settle for certificates of a lifetime. Both are shorter for those
// that live for minutes: a third of the life is left when a certificate is due, and by its
// end all replicas have to have noticed and waited.
func (k *certificateKeeper) pace(lifetime time.Duration) {
	k.interval = min(certificateInterval, lifetime/30)
	k.settle = min(certificateSettle, lifetime/6)
}

// certificateKeeper serves the certificate of its source. It makes the API server trust a
// certificate first, and serves it then.
type certificateKeeper struct {
	source certificateSource
	// trust tells the API server which authorities to trust; nil where somebody else does.
	trust    func(ctx context.Context, bundle []byte) error
	interval time.Duration
	settle   time.Duration
	now      func() time.Time
	log      *slog.Logger
	expiry   prometheus.Gauge
	serving  atomic.Pointer[keyPair]

	// next is the certificate that will be served settle after nextSince, when the API server
	// was told to trust it; nil if there is none.
	next      *keyPair
	nextSince time.Time
	trouble   lastError
}

var errNoCertificate = errors.New("there is no certificate yet")

// certificate is the GetCertificate of a tls.Config.
func (k *certificateKeeper) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	pair := k.serving.Load()
	if pair == nil {
		return nil, errNoCertificate
	}
	return &pair.tls, nil
}

// ready returns an error that says why no client would accept the certificate.
func (k *certificateKeeper) ready() error {
	pair := k.serving.Load()
	if pair == nil {
		return errNoCertificate
	}
	return pair.validAt(k.now())
}

// run looks at the certificate until ctx ends.
func (k *certificateKeeper) run(ctx context.Context) {
	for {
		wait := k.interval
		err := k.refresh(ctx)
		if err != nil || k.next != nil {
			wait = min(certificateRetry, k.interval)
		}
		if k.trouble.another(ctx, err) {
			k.log.Error("keep certificate", "error", err.Error())
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// refresh does one round: it loads the certificate, has it trusted, and serves it when it has
// been trusted for long enough. After an error the certificate that is served stays, except
// for one that is not valid and that nobody accepts: it is replaced at once.
func (k *certificateKeeper) refresh(ctx context.Context) error {
	serving := k.serving.Load()
	newest := serving
	if k.next != nil {
		newest = k.next
	}
	pair, err := k.source.load(ctx, k.now(), newest)
	if err != nil {
		return err
	}
	usable := serving != nil && serving.validAt(k.now()) == nil
	if !usable && !pair.equal(serving) {
		k.serve(pair)
	}
	if k.trust != nil && pair.bundlePEM != nil {
		bundle := pair.bundlePEM
		if usable {
			bundle = withAuthority(bundle, serving)
		}
		if err := k.trust(ctx, bundle); err != nil {
			return err
		}
	}
	if !usable || pair.equal(serving) {
		k.next = nil
		return nil
	}
	if !pair.equal(k.next) {
		k.next, k.nextSince = pair, k.now()
	}
	if k.trust == nil || k.now().Sub(k.nextSince) >= k.settle {
		k.serve(pair)
	}
	return nil
}

func (k *certificateKeeper) serve(pair *keyPair) {
	k.next = nil
	k.serving.Store(pair)
	k.expiry.Set(float64(pair.tls.Leaf.NotAfter.Unix()))
	k.log.Info("serving certificate", "expires", pair.tls.Leaf.NotAfter.UTC().Format(time.RFC3339), "serial", pair.tls.Leaf.SerialNumber.Text(16))
}
