package monitoring

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
)

// Series asks a Prometheus and returns how many series the answer has.
func Series(ctx context.Context, prometheus, query string) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, prometheus+"/api/v1/query?"+url.Values{"query": {query}}.Encode(), nil)
	if err != nil {
		return 0, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, fmt.Errorf("query %q: %w", query, err)
	}
	defer response.Body.Close()
	var answer struct {
		Status, Error string
		Data          struct{ Result []json.RawMessage }
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return 0, fmt.Errorf("query %q: %s: %w", query, response.Status, err)
	}
	if answer.Status != "success" {
		return 0, fmt.Errorf("query %q: %s", query, answer.Error)
	}
	return len(answer.Data.Result), nil
}

// Silent asks a Prometheus each expression and returns those that find nothing. A rate
// needs two values, so whoever wants to hear of all waits that long, or calls it again.
// It ends at the first query that Prometheus refuses.
func Silent(ctx context.Context, prometheus string, expressions []Expression) ([]Expression, error) {
	var silent []Expression
	for _, e := range expressions {
		count, err := Series(ctx, prometheus, e.Query())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.Where, err)
		}
		if count == 0 {
			silent = append(silent, e)
		}
	}
	return silent, nil
}
