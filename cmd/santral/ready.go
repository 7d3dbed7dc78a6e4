package main

import (
	"context"
	"fmt"
)

// ready tells whether new calls are taken: for health checks of containers and load balancers' scripts.
type ready struct{ exchange }

// Run fails with the reason when they are not.
func (c *ready) Run() error {
	x, err := c.open()
	if err != nil {
		return err
	}
	if err := x.Ready(context.Background()); err != nil {
		return err
	}
	fmt.Println("ready")
	return nil
}
