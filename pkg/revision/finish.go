package revision

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// Finish completes a write of an author that was interrupted, and returns its revision; nil:
// there is none. Then it deletes the revisions that are too many. Where it cannot, they stay,
// without an error: the next write returns one.
func (s Store) Finish(ctx context.Context, namespace, name, author string) (*Entry, error) {
	for attempt := range attempts {
		now, err := s.Stand(ctx, namespace, name)
		if err != nil {
			return nil, err
		}
		begun, found := now.begunBy(author)
		if !found || now.Writable() != nil {
			return nil, nil
		}
		if err = s.finish(ctx, now, begun); err == nil {
			_ = s.prune(ctx, namespace, name, tooMany(now.Entries, begun.Number, HistoryLimit(now.Annotations())))
		}
		if err == nil || !isOvertaken(err) {
			return &begun, err
		}
		if err := pause(ctx, attempt); err != nil {
			return nil, err
		}
	}
	return nil, tooBusy("finish the write of", namespace, name)
}

// finish makes a revision live that was begun. One that the API server would never take is
// deleted instead; the error is errOvertaken then.
func (s Store) finish(ctx context.Context, now *Standing, begun Entry) error {
	r, err := s.ReadRevision(ctx, now.Namespace, now.Name, begun.Number)
	if apierrors.IsNotFound(err) {
		return errOvertaken
	}
	if err != nil {
		return err
	}
	_, _, err = s.makeLive(ctx, now, r, nil, nil, nil)
	if apierrors.IsInvalid(err) {
		if err = s.deleteRevision(ctx, now.Namespace, now.Name, begun); err == nil {
			err = errOvertaken
		}
	}
	return err
}
