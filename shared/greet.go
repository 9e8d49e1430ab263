package shared

import (
	"context"
	"time"

	"github.com/redis/rueidis"
)

// Greet asks the engine for a sign of life and changes nothing: how long that took,
// and what is wrong with it although it answers.
func (c *Config) Greet(ctx context.Context) (took time.Duration, warns string, err error) {
	options, err := c.client()
	if err != nil {
		return 0, "", err
	}
	client, err := rueidis.NewClient(options)
	if err != nil {
		return 0, "", explained(err, c.Wait)
	}
	defer client.Close()
	began := time.Now()
	if err := client.Do(ctx, client.B().Ping().Build()).Error(); err != nil {
		return 0, "", explained(err, time.Since(began).Round(time.Millisecond))
	}
	took = time.Since(began)
	e := &Engine{config: *c}
	e.warn(client)
	return took, e.warns, nil
}
