package provision

import (
	"reflect"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/revision"
	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

const day = 24 * time.Hour

// made is when the password of every state below was made.
var made = time.Date(2030, 5, 1, 12, 0, 0, 0, time.UTC)

// rotating returns the state of the user orders-api, whose first login has had its
// password for an hour, changed by each of the functions.
func rotating(changes ...func(*passwordState)) passwordState {
	s := passwordState{now: made.Add(time.Hour), since: made, live: made, base: "orders_api",
		user:   &v1alpha1.DatabaseUser{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "orders-api"}},
		newest: revision.Revision{Entry: revision.Entry{Number: 3, Reason: reasonCreated, Time: made}, Data: secret.Data{"username": []byte("orders_api")}}}
	for _, change := range changes {
		change(&s)
	}
	return s
}

func after(d time.Duration) func(*passwordState) {
	return func(s *passwordState) { s.now = made.Add(d) }
}

func spec(r v1alpha1.RotationSpec) func(*passwordState) {
	return func(s *passwordState) { s.user.Spec.Rotation = &r }
}

func every30Days(s *passwordState) {
	spec(v1alpha1.RotationSpec{Days: 30, Strategy: v1alpha1.RotateAlternate})(s)
}

func inPlace(s *passwordState) {
	spec(v1alpha1.RotationSpec{Days: 30, Strategy: v1alpha1.RotateInPlace})(s)
}

func adopted(s *passwordState) { s.user.Spec.Adopt = true }

// asked is a request, and answered the last one that the status says was answered.
func asked(request string) func(*passwordState) {
	return func(s *passwordState) { s.user.Annotations = map[string]string{v1alpha1.AnnotationRotate: request} }
}

func answered(request string) func(*passwordState) {
	return func(s *passwordState) { s.user.Status.Rotation = &v1alpha1.RotationStatus{Request: request} }
}

// second is after a rotation: the second login has the password.
func second(s *passwordState) {
	s.newest.Data = secret.Data{"username": []byte("orders_api_b")}
	s.newest.Reason = reasonScheduled
	s.otherExists = true
}

func reason(text string) func(*passwordState) {
	return func(s *passwordState) { s.newest.Reason = text }
}

func pending(s *passwordState) { s.pending = true }

func held(s *passwordState) { s.heldBy = []string{"shop/api-1", "shop/api-2"} }

func unknown(s *passwordState) { s.unknown = true }

func endGrace(s *passwordState) { s.endGrace = true }

func closed(s *passwordState) { s.closed = true }

func changed(s *passwordState) { s.changed = true }

func first(s *passwordState) { s.newest, s.since = revision.Revision{}, time.Time{} }

// TestDecide checks every way of a password: what the Secret names, which login ends,
// and what is said.
func TestDecide(t *testing.T) {
	const one, two = "orders_api", "orders_api_b"
	for _, c := range []struct {
		name  string
		state passwordState
		want  rotation
		// says is part of the only warning, or of the error.
		says string
		err  bool
	}{
		{"first password", rotating(first), rotation{login: one}, "", false},
		{"first password, on a schedule", rotating(first, every30Days), rotation{login: one, next: made.Add(time.Hour + 30*day)}, "", false},
		{"first password, asked for at once", rotating(first, asked("a")), rotation{login: one, request: "a"}, "", false},
		{"first password of an adopted role", rotating(first, adopted), rotation{login: one}, "", false},
		{"nothing due", rotating(), rotation{login: one}, "", false},
		{"not yet due", rotating(every30Days, after(30*day-time.Nanosecond)), rotation{login: one, next: made.Add(30 * day)}, "", false},
		{"due", rotating(every30Days, after(30*day)),
			rotation{login: two, rotate: true, reason: reasonScheduled, other: one, otherUntil: made.Add(31 * day), next: made.Add(60 * day)}, "", false},
		{"due long ago", rotating(every30Days, after(99*day)),
			rotation{login: two, rotate: true, reason: reasonScheduled, other: one, otherUntil: made.Add(100 * day), next: made.Add(129 * day)}, "", false},
		{"due, and then the second login is the current one", rotating(every30Days, second, after(30*day), func(s *passwordState) { s.otherExists = false }),
			rotation{login: one, rotate: true, reason: reasonScheduled, other: two, otherUntil: made.Add(31 * day), next: made.Add(60 * day)}, "", false},
		{"due, own grace period", rotating(spec(v1alpha1.RotationSpec{Days: 1, GracePeriod: "90m"}), after(day)),
			rotation{login: two, rotate: true, reason: reasonScheduled, other: one, otherUntil: made.Add(day + 90*time.Minute), next: made.Add(2 * day)}, "", false},
		{"the clock is behind the revision", rotating(every30Days, second, after(-2*day)),
			rotation{login: two, other: one, otherUntil: made.Add(day), next: made.Add(30 * day)}, "", false},

		{"requested", rotating(asked("b"), answered("a")),
			rotation{login: two, rotate: true, reason: reasonRequested + "b", request: "b", other: one, otherUntil: made.Add(day + time.Hour)}, "", false},
		{"requested and due", rotating(asked("b"), every30Days, after(40*day)),
			rotation{login: two, rotate: true, reason: reasonRequested + "b", request: "b", other: one, otherUntil: made.Add(41 * day), next: made.Add(70 * day)}, "", false},
		{"requested and answered", rotating(asked("a"), answered("a")), rotation{login: one, request: "a"}, "", false},
		{"the request was taken off", rotating(answered("a")), rotation{login: one, request: "a"}, "", false},
		{"requested twice within the grace period", rotating(second, asked("b"), answered("a")),
			rotation{login: two, request: "a", other: one, otherUntil: made.Add(day)}, `login "orders_api" still works, its grace period lasts until 2030-05-02T12:00:00Z`, true},
		{"requested twice, and pods hold the old login", rotating(second, held, asked("b"), after(3*day)),
			rotation{login: two, other: one, otherUntil: made.Add(day), warnings: []string{`login "orders_api" still works: running pods were injected with it: shop/api-1, shop/api-2`}},
			"running pods were injected with it: shop/api-1, shop/api-2", true},
		{"requested twice, and the old login may go", rotating(second, asked("b"), after(day)),
			rotation{login: one, rotate: true, reason: reasonRequested + "b", request: "b", inPlace: true, other: two, otherUntil: made.Add(2 * day)}, "", false},
		{"requested twice, and the old login is to go", rotating(second, held, asked("b"), endGrace),
			rotation{login: one, rotate: true, reason: reasonRequested + "b", request: "b", inPlace: true, other: two, otherUntil: made.Add(day + time.Hour)}, "", false},

		{"killed after staging the first password", rotating(pending), rotation{login: one}, "", false},
		{"killed after staging other keys, then requested", rotating(pending, asked("b")), rotation{login: one, owed: true}, "", false},
		{"a Secret was changed by hand, then requested", rotating(second, changed, asked("b"), after(2*day)),
			rotation{login: two, owed: true, other: one, otherUntil: made.Add(day)}, "", false},
		{"a Secret was changed by hand, and grace is over", rotating(second, changed, after(2*day)), rotation{login: two, other: one, otherUntil: made.Add(day)}, "", false},
		{"a Secret was changed by hand, and a rotation is due", rotating(changed, every30Days, after(60*day)), rotation{login: one, next: made.Add(30 * day)}, "", false},
		{"killed after staging a rotation", rotating(second, pending, reason(reasonRequested+"b"), asked("b"), after(2*day)),
			rotation{login: two, request: "b", inPlace: true, other: one, otherUntil: made.Add(day)}, "", false},
		{"killed after staging, before the second login is made", rotating(second, pending, every30Days, after(60*day), func(s *passwordState) { s.otherExists = false }),
			rotation{login: two, inPlace: true, next: made.Add(30 * day)}, "", false},
		{"killed after staging in place", rotating(inPlace, pending, reason(reasonScheduled)), rotation{login: one, inPlace: true, next: made.Add(30 * day)}, "", false},
		{"killed after staging, and the old login is to go", rotating(second, pending, endGrace), rotation{login: two, inPlace: true, other: one, otherUntil: made.Add(day)}, "", false},
		{"killed before the status", rotating(second, reason(reasonRequested+"b"), asked("b"), answered("a")),
			rotation{login: two, request: "b", other: one, otherUntil: made.Add(day)}, "", false},

		{"in grace", rotating(second, every30Days), rotation{login: two, other: one, otherUntil: made.Add(day), next: made.Add(30 * day)}, "", false},
		{"in grace, held", rotating(second, held), rotation{login: two, other: one, otherUntil: made.Add(day)}, "", false},
		{"killed before the status, and the login before that was to go", rotating(second, reason(reasonRequested+"b"), asked("b"), answered("a"), endGrace),
			rotation{login: two, request: "b", other: one, otherUntil: made.Add(day)}, "", false},
		{"grace is over", rotating(second, after(day)), rotation{login: two, other: one, dropOther: true, otherUntil: made.Add(day)}, "", false},
		{"grace is over, of the second login", rotating(second, after(day), func(s *passwordState) { s.newest.Data["username"] = []byte("orders_api") }),
			rotation{login: one, other: two, dropOther: true, otherUntil: made.Add(day)}, "", false},
		{"grace is over, held", rotating(second, held, after(day)), rotation{login: two, other: one, otherUntil: made.Add(day),
			warnings: []string{""}}, `login "orders_api" still works: running pods were injected with it: shop/api-1, shop/api-2`, false},
		{"grace is over, nobody may look", rotating(second, unknown, after(day)), rotation{login: two, other: one, otherUntil: made.Add(day),
			warnings: []string{""}}, `login "orders_api" still works: whoever ran this may not list pods`, false},
		{"due, but held", rotating(second, held, every30Days, after(30*day)), rotation{login: two, other: one, otherUntil: made.Add(day), next: made.Add(30 * day),
			warnings: []string{"", ""}}, "the rotation that is due waits", false},
		{"due while in grace", rotating(second, spec(v1alpha1.RotationSpec{Days: 1, GracePeriod: "48h"}), after(day)),
			rotation{login: two, other: one, otherUntil: made.Add(2 * day), next: made.Add(day), warnings: []string{""}}, "the rotation that is due waits", false},

		{"in place", rotating(inPlace, after(30*day)), rotation{login: one, rotate: true, reason: reasonScheduled, inPlace: true, next: made.Add(60 * day)}, "", false},
		{"in place, requested", rotating(inPlace, asked("b")),
			rotation{login: one, rotate: true, reason: reasonRequested + "b", request: "b", inPlace: true, next: made.Add(time.Hour + 30*day)}, "", false},
		{"from alternate to in place, while in grace", rotating(second, inPlace, held, asked("b")),
			rotation{login: two, rotate: true, reason: reasonRequested + "b", request: "b", inPlace: true, other: one, otherUntil: made.Add(day), next: made.Add(time.Hour + 30*day)}, "", false},
		{"from alternate to in place, and grace is over", rotating(second, inPlace, after(day)),
			rotation{login: two, other: one, dropOther: true, otherUntil: made.Add(day), next: made.Add(30 * day)}, "", false},
		{"from in place to alternate", rotating(every30Days, reason(reasonScheduled), asked("b")),
			rotation{login: two, rotate: true, reason: reasonRequested + "b", request: "b", other: one, otherUntil: made.Add(day + time.Hour), next: made.Add(time.Hour + 30*day)}, "", false},
		{"no schedule any more", rotating(second, spec(v1alpha1.RotationSpec{}), after(99*day)), rotation{login: two, other: one, dropOther: true, otherUntil: made.Add(day)}, "", false},
		{"an adopted role", rotating(adopted, asked("b")), rotation{login: one, rotate: true, reason: reasonRequested + "b", request: "b", inPlace: true}, "", false},
		{"an adopted role that is to alternate", rotating(adopted, every30Days, after(30*day)),
			rotation{login: two, rotate: true, reason: reasonScheduled, other: one, otherUntil: made.Add(31 * day), next: made.Add(60 * day)}, "", false},

		{"expired, and due", rotating(every30Days, closed, after(30*day)), rotation{login: one, next: made.Add(30 * day)}, "", false},
		{"expired, and requested", rotating(closed, asked("b"), answered("a")), rotation{login: one, request: "a"}, "", false},
		{"expired in grace, and requested", rotating(second, closed, asked("b")), rotation{login: two, other: one, otherUntil: made.Add(day)}, "", false},
		{"expired, and grace is over", rotating(second, closed, after(day)), rotation{login: two, other: one, dropOther: true, otherUntil: made.Add(day)}, "", false},
		{"a Secret that names a login of nobody", rotating(func(s *passwordState) { s.newest.Data["username"] = []byte("postgres") }), rotation{login: one}, "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := c.state.decide()
			if (err != nil) != c.err {
				t.Fatalf("got error %v", err)
			}
			said := strings.Join(got.warnings, "\n")
			if err != nil {
				said = err.Error()
			}
			if c.says == "" && said != "" || !strings.Contains(said, c.says) {
				t.Errorf("said %q, want %q", said, c.says)
			}
			if len(got.warnings) != len(c.want.warnings) {
				t.Errorf("got warnings %q", got.warnings)
			}
			got.warnings, c.want.warnings = nil, nil
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got\n%+v, want\n%+v", got, c.want)
			}
		})
	}
}

// TestDecideNeverEndsTheCurrentLogin goes through all combinations of what a decision
// depends on: the login that the Secret is to name never ends, a login that pods hold
// ends only by force, and deciding again after a rotation was carried out changes
// nothing.
func TestDecideNeverEndsTheCurrentLogin(t *testing.T) {
	switches := []func(*passwordState){every30Days, inPlace, second, pending, changed, held, unknown, endGrace, asked("b"), answered("a"), adopted, closed, after(day), after(40 * day)}
	for bits := range 1 << len(switches) {
		s := rotating()
		for i, change := range switches {
			if bits>>i&1 == 1 {
				change(&s)
			}
		}
		r, err := s.decide()
		if err != nil {
			continue
		}
		if r.dropOther && (r.other == r.login || r.other == "" || (len(s.heldBy) > 0 || s.unknown) && !s.endGrace) {
			t.Fatalf("%b: %+v ends %q", bits, s, r.other)
		}
		if r.rotate && (s.pending || s.closed) {
			t.Fatalf("%b: %+v rotates", bits, s)
		}
		if !r.rotate {
			continue
		}
		done := s
		done.since, done.live, done.newest.Reason, done.newest.Data = s.now, s.now, r.reason, secret.Data{"username": []byte(r.login)}
		done.otherExists, done.endGrace, done.user = r.other != "", false, s.user.DeepCopy()
		done.user.Status.Rotation = &v1alpha1.RotationStatus{Request: r.request}
		if then, err := done.decide(); err != nil || then.rotate || then.login != r.login || then.other != r.other || then.dropOther {
			t.Fatalf("%b: %+v came to %+v, and then to %+v, %v", bits, s, r, then, err)
		}
	}
}

// TestWentLive checks from when on a grace period counts.
func TestWentLive(t *testing.T) {
	last := func(at time.Time) func(*passwordState) {
		return func(s *passwordState) {
			when := metav1.NewTime(at)
			s.user.Status.Rotation = &v1alpha1.RotationStatus{LastTime: &when}
		}
	}
	for _, c := range []struct {
		name  string
		state passwordState
		want  time.Time
	}{
		{"made and live", rotating(second, after(day)), made},
		{"killed after staging", rotating(second, pending, after(day)), made.Add(day)},
		{"completed later", rotating(second, last(made.Add(day)), after(2*day)), made.Add(day)},
		{"made again since", rotating(second, last(made.Add(-day)), after(day)), made},
	} {
		if got := c.state.wentLive(); !got.Equal(c.want) {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestFirstWith(t *testing.T) {
	at := func(n int) time.Time { return made.Add(time.Duration(n) * time.Hour) }
	r := func(number int64, owner, username, password string) revision.Revision {
		return revision.Revision{Entry: revision.Entry{Number: number, Time: at(int(number)), OwnerUID: types.UID(owner)},
			Data: secret.Data{"username": []byte(username), "password": []byte(password)}}
	}
	for _, c := range []struct {
		name      string
		revisions []revision.Revision
		newest    int
		want      int
	}{
		{"one", []revision.Revision{r(1, "u", "a", "p")}, 0, 1},
		{"other keys since", []revision.Revision{r(1, "u", "a", "p"), r(2, "u", "a", "p"), r(3, "u", "a", "p")}, 2, 1},
		{"another password before", []revision.Revision{r(1, "u", "a", "o"), r(2, "u", "a", "p"), r(3, "u", "a", "p")}, 2, 2},
		{"another login before", []revision.Revision{r(1, "u", "a", "p"), r(2, "u", "b", "p")}, 1, 2},
		{"the same password long before", []revision.Revision{r(1, "u", "a", "p"), r(2, "u", "a", "q"), r(3, "u", "a", "p")}, 2, 3},
		{"somebody else's between", []revision.Revision{r(1, "u", "a", "p"), r(2, "v", "a", "x"), r(3, "u", "a", "p")}, 2, 1},
		{"pruned", []revision.Revision{r(7, "u", "a", "p"), r(8, "u", "a", "p")}, 1, 7},
		{"a later one", []revision.Revision{r(1, "u", "a", "p"), r(2, "u", "a", "q")}, 0, 1},
	} {
		history := revision.History{Revisions: c.revisions}
		if got := firstWith(history, c.revisions[c.newest]); got.Number != int64(c.want) || !got.Time.Equal(at(c.want)) {
			t.Errorf("%s: got %d of %s, want %d", c.name, got.Number, got.Time, c.want)
		}
	}
}
