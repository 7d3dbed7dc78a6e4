package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"santral/base/doc"
	"santral/config"
	"santral/server"
	"santral/tenant"
)

// serve runs the exchange from its boot file.
type serve struct {
	Config string `required:"" type:"path" help:"The boot file." placeholder:"FILE"`
}

// Run serves until SIGTERM or SIGINT.
func (s *serve) Run() error {
	options, err := read(s.Config)
	if err != nil {
		return err
	}
	return run(options, func(ready server.Ready) {
		fmt.Printf("santral serves SIP at %s, its API at %s\n", ready.SIP, ready.HTTP)
		if ready.Authority != "" {
			fmt.Printf("phones over TLS must trust %s\n", ready.Authority)
		}
	})
}

// check says what is wrong and starts nothing.
type check struct {
	Config string `required:"" type:"path" help:"The boot file." placeholder:"FILE"`
}

// Run prints every problem and fails when there is one.
func (c *check) Run() error {
	var problems doc.Problems
	var tenants []*tenant.Tenant
	boot := config.Read(c.Config, &problems)
	if boot != nil && boot.Tenants != "" {
		var operator *tenant.Operator
		operator, tenants = tenant.ReadFolder(boot.Tenants, &problems)
		tenant.CheckAll(operator, tenants, &problems)
	}
	if err := problems.Err(); err != nil {
		return fmt.Errorf("nothing was started:\n%w", err)
	}
	for _, p := range problems.List() {
		fmt.Println(p, "(it is taken all the same)")
	}
	accounts := 0
	for _, t := range tenants {
		accounts += len(t.Accounts)
	}
	for _, fault := range server.CheckMusic(context.Background(), tenants) {
		fmt.Println(fault, "(it is left out)")
	}
	fmt.Printf("%s is good: %d listeners, %d tenants, %d accounts\n", c.Config, len(boot.Listen), len(tenants), accounts)
	return nil
}

// read reads a boot file; the error says everything that is wrong, a line each.
func read(file string) (server.Options, error) {
	var problems doc.Problems
	o := server.Options{Boot: config.Read(file, &problems)}
	if err := problems.Err(); err != nil {
		return o, fmt.Errorf("nothing was started:\n%w", err)
	}
	return o, nil
}

// run serves until a signal, then ends calls with BYE, writes everything down and returns.
func run(o server.Options, ready func(server.Ready)) error {
	o.Version = buildVersion()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	again := make(chan os.Signal, 1)
	signal.Notify(again, syscall.SIGHUP)
	defer signal.Stop(again)
	reload := make(chan struct{})
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-again:
			}
			select {
			case <-ctx.Done():
				return
			case reload <- struct{}{}:
			}
		}
	}()
	o.Reload = reload
	go func() {
		<-ctx.Done()
		notify("STOPPING=1")
	}()
	err := server.Run(ctx, o, func(r server.Ready) {
		ready(r)
		notify("READY=1", "STATUS=serves SIP at "+r.SIP)
		watch(ctx, r.Alive)
	})
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	return err
}

// version prints what this binary is.
type version struct{}

// Run prints the version.
func (version) Run() error {
	fmt.Fprintln(os.Stdout, "santral", buildVersion())
	return nil
}

func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}
