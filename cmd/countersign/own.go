package main

import (
	"context"
	"log/slog"
	"net"
	"net/netip"

	"github.com/jackc/pgx/v5/pgconn"
)

// own lists the addresses that no webhook may reach, whatever egress.allow says: ours, by
// every way to them, and the database's.
func (g *gateway) own(ctx context.Context, doors listeners) []netip.AddrPort {
	out := reached(ctx, g.log, doors.main.Addr())
	if doors.metrics != nil {
		out = append(out, reached(ctx, g.log, doors.metrics.Addr())...)
	}
	c := g.records.pool.Config().ConnConfig
	for _, at := range append([]*pgconn.FallbackConfig{{Host: c.Host, Port: c.Port}}, c.Fallbacks...) {
		found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", at.Host) // a folder of sockets is no name
		if err != nil {
			continue
		}
		for _, ip := range found {
			out = append(out, netip.AddrPortFrom(ip.Unmap(), at.Port))
		}
	}
	return out
}

// reached lists the addresses by which a listener is reached: one that listens everywhere
// has all of this machine.
func reached(ctx context.Context, log *slog.Logger, at net.Addr) []netip.AddrPort {
	a, err := netip.ParseAddrPort(at.String())
	if err != nil {
		return nil
	}
	out := []netip.AddrPort{netip.AddrPortFrom(a.Addr().Unmap(), a.Port())}
	if !a.Addr().IsUnspecified() {
		return out
	}
	all, err := net.InterfaceAddrs()
	if err != nil {
		log.WarnContext(ctx, "addresses of this machine not readable: a webhook may be pointed at the gateway itself", slog.Any("error", err))
	}
	for _, one := range all {
		if p, err := netip.ParsePrefix(one.String()); err == nil {
			out = append(out, netip.AddrPortFrom(p.Addr().Unmap(), a.Port()))
		}
	}
	return out
}
