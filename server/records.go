package server

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"santral/call"
	"santral/observe/metric"
	"santral/service/cdr"
	"santral/service/quality"
	"santral/sip"
	"santral/store"
	"santral/store/bindings"
	"santral/store/db"
	"santral/store/journal"
	"santral/store/ledger"
	"santral/store/seclog"
)

// records is what survives: the ledger with the book that calls write into, the tables that are
// folded from it, and the bindings of phones.
type records struct {
	*cdr.Book
	ledger    *ledger.Ledger
	db        *db.DB
	fold      *cdr.Fold
	bindings  *bindings.Store
	saved     []store.Binding // as they were found; the registrar takes them over
	strangers *seclog.Log
	log       *slog.Logger

	ended    [store.Interrupted + 1]atomic.Uint64 // records made, by state
	setup    prometheus.Histogram
	duration prometheus.Histogram
	mos      prometheus.Histogram
	jitter   prometheus.Histogram
	lost     atomic.Uint64
	told     atomic.Pointer[quality.House] // hears of records too, once it is there
	heard    atomic.Pointer[server]        // likewise, and of disks
	stop     []func()
}

// openRecords opens the ledger and the tables in a data folder; dsn is "" for SQLite there. living tells
// which calls of an earlier process go on in this one.
func openRecords(data, dsn string, living func(call.ID) bool, log *slog.Logger) (*records, error) {
	r := &records{log: log}
	dsn = databaseOf(data, dsn)
	r.histograms()
	var err error
	if r.ledger, err = ledger.Open(filepath.Join(data, "ledger"), ledger.Options{OnAlarm: r.alarm("the ledger's disk")}); err != nil {
		return nil, fmt.Errorf("open the ledger: %w", err)
	}
	if cut := r.ledger.Repair(); cut.Octets > 0 {
		log.Warn("the ledger's end was torn and has been repaired", "octets", cut.Octets)
	}
	r.later(func() {
		ctx, stop := context.WithTimeout(context.Background(), closeTime)
		defer stop()
		if err := r.ledger.Close(ctx); err != nil {
			log.Error("close the ledger", "error", err)
		}
	})
	if err = r.openBindings(filepath.Join(data, "bindings")); err != nil {
		r.close()
		return nil, err
	}
	if r.strangers, err = seclog.Open(filepath.Join(data, "security"), seclog.Options{}); err != nil {
		r.close()
		return nil, fmt.Errorf("open the security log: %w", err)
	}
	r.later(func() { r.strangers.Close() })
	if r.db, err = db.Open(context.Background(), dsn); err != nil {
		r.close()
		return nil, fmt.Errorf("open the database: %w", err)
	}
	r.later(func() { r.db.Close() })
	r.Book = cdr.NewBook(r.ledger)
	r.fold = cdr.New(r.ledger, r.db, cdr.Options{
		OnError:  func(err error) { log.Error("call records", "error", err) },
		OnRecord: r.made,
		Living:   living,
	})
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := r.fold.Run(ctx); err != nil {
			log.Error("call records are not made", "error", err)
		}
	}()
	r.later(func() {
		stop()
		<-done
	})
	return r, nil
}

// databaseOf is where the tables of an exchange are: in its data folder, unless dsn names another place.
func databaseOf(data, dsn string) string {
	if dsn == "" {
		return filepath.Join(data, "santral.db")
	}
	return dsn
}

// openBindings reads back where phones were registered.
func (r *records) openBindings(folder string) error {
	var err error
	if r.bindings, err = bindings.Open(folder, bindings.Options{
		OnAlarm: r.alarm("the bindings' disk"),
		OnError: func(err error) { r.log.Error("compact the bindings", "error", err) },
	}); err != nil {
		return fmt.Errorf("open the bindings: %w", err)
	}
	r.later(func() {
		ctx, stop := context.WithTimeout(context.Background(), closeTime)
		defer stop()
		if err := r.bindings.Close(ctx); err != nil {
			r.log.Error("close the bindings", "error", err)
		}
	})
	found, err := r.bindings.Load(func(b store.Binding) { r.saved = append(r.saved, b) })
	if err != nil {
		return fmt.Errorf("read the bindings: %w", err)
	}
	if found.Damaged > 0 {
		r.log.Error("bindings were damaged; their phones are reachable when they register again", "parts", found.Damaged)
	}
	return nil
}

// alarm tells people how a disk is doing, its recovery too.
func (r *records) alarm(disk string) func(journal.Alarm, error) {
	return func(a journal.Alarm, err error) {
		if s := r.heard.Load(); s != nil {
			s.diskAlarm(disk, a, err)
		}
		if a == journal.Healthy {
			r.log.Info(disk+" is well again", "state", a.String())
			return
		}
		r.log.Error(disk+" holds records up; calls go on", "state", a.String(), "error", err)
	}
}

// note keeps what a stranger tried.
func (r *records) note(what string, req *sip.Message, flow sip.Flow) {
	e := seclog.Entry{
		At: time.Now(), What: what, Source: flow.Remote, Transport: flow.Transport.String(), Method: string(req.Method),
		To: req.RequestURI, Agent: req.Get(sip.UserAgent),
	}
	if from, err := req.From(); err == nil {
		e.Who = from.URI.Username()
	}
	r.strangers.Note(e)
}

const (
	closeTime = 10 * time.Second // for writing what waits when the exchange ends
	syncTime  = time.Second      // how long a reader of records waits for those just made
)

func (r *records) later(f func()) { r.stop = append(r.stop, f) }

// close writes everything down, last opened first.
func (r *records) close() {
	for i := len(r.stop) - 1; i >= 0; i-- {
		r.stop[i]()
	}
	r.stop = nil
}

// CDR implements store.CDRs.
func (r *records) CDR(ctx context.Context, tenant, call string) (store.CDR, error) {
	r.sync(ctx)
	return r.db.CDR(ctx, tenant, call)
}

// CDRs implements store.CDRs. Calls that have ended before are in it.
func (r *records) CDRs(ctx context.Context, filter store.CDRFilter, cursor string, limit int) ([]store.CDR, string, error) {
	r.sync(ctx)
	return r.db.CDRs(ctx, filter, cursor, limit)
}

// sync waits a little for the records of calls that have just ended. When the database is slower
// than that, the reader gets what is there.
func (r *records) sync(ctx context.Context) {
	ctx, stop := context.WithTimeout(ctx, syncTime)
	defer stop()
	if err := r.fold.Sync(ctx); err != nil {
		r.log.Debug("records are read before the newest are made", "error", err)
	}
}

func (r *records) histograms() {
	histogram := func(name, help string, buckets ...float64) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets})
	}
	r.setup = histogram("santral_call_setup_seconds", "From the INVITE to the first ringing, or to the answer without one.", .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10)
	r.duration = histogram("santral_call_duration_seconds", "From answer to end.", 1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600)
	r.mos = histogram("santral_mos", "Estimated MOS of received streams.", 1, 2, 2.5, 3, 3.5, 3.8, 4, 4.2, 4.4)
	r.jitter = histogram("santral_rtp_jitter_seconds", "Jitter of received streams.", .001, .0025, .005, .01, .02, .04, .08, .16)
}

// made counts a record for the figures.
func (r *records) made(c *store.CDR) {
	if h := r.told.Load(); h != nil {
		h.Recorded(c)
	}
	if s := r.heard.Load(); s != nil {
		s.tellRecord(c)
	}
	if int(c.State) < len(r.ended) {
		r.ended[c.State].Add(1)
	}
	if !c.Ringing.IsZero() || !c.Answered.IsZero() {
		r.setup.Observe(c.PostDialDelay.Duration().Seconds())
	}
	if !c.Answered.IsZero() {
		r.duration.Observe(c.TalkTime.Duration().Seconds())
	}
	for _, leg := range c.Legs {
		for _, s := range leg.Streams {
			if s.Packets == 0 {
				continue
			}
			r.lost.Add(s.Lost)
			r.jitter.Observe((time.Duration(s.Jitter) * time.Microsecond).Seconds())
			if s.MOS > 0 {
				r.mos.Observe(s.MOS)
			}
		}
	}
}

// results counts ended calls by how they came out.
func (r *records) results() (list []metric.Labelled) {
	for state := range r.ended {
		list = append(list, metric.Labelled{Values: []string{store.CDRState(state).String()}, Value: float64(r.ended[state].Load())})
	}
	return list
}

// metrics adds the figures of records.
func (r *records) metrics(page *metric.Registry) {
	for _, h := range []prometheus.Histogram{r.setup, r.duration, r.mos, r.jitter} {
		page.Add(h)
	}
	page.Counter("santral_rtp_packets_lost_total", "Packets of ended calls that did not arrive.", r.lost.Load)
	page.Gauge("santral_ledger_alarm", "1 while the ledger's disk is slow, full or failing.", func() float64 {
		if r.ledger.Status().Alarm != journal.Healthy {
			return 1
		}
		return 0
	})
	page.Gauge("santral_ledger_waiting_bytes", "Octets that wait for the ledger's disk.", func() float64 { return float64(r.ledger.Status().Waiting) })
	page.Counter("santral_ledger_late_total", "Calls whose end was not on disk within 250 ms.", func() uint64 { return r.ledger.Status().Late })
	page.Counter("santral_ledger_lost_total", "Events that were never written.", func() uint64 { return r.ledger.Status().Lost })
	page.Counter("santral_cdr_total", "Call records in the tables.", func() uint64 { return r.fold.Stats().Records })
}

// syncSums is sync for the sums.
func (r *records) syncSums(ctx context.Context) {
	ctx, stop := context.WithTimeout(ctx, syncTime)
	defer stop()
	if err := r.fold.SyncSums(ctx); err != nil {
		r.log.Debug("sums are read before the newest records are in them", "error", err)
	}
}

// Parts implements store.Records.
func (r *records) Parts(ctx context.Context, first ...string) ([]store.CDR, error) {
	return r.db.Parts(ctx, first...)
}

// Rolls implements store.Records.
func (r *records) Rolls(ctx context.Context, tenant string, by store.RollBy, keys []string, from, until time.Time, bySlot bool) ([]store.Group, error) {
	r.syncSums(ctx)
	return r.db.Rolls(ctx, tenant, by, keys, from, until, bySlot)
}

// Sum implements store.Records.
func (r *records) Sum(ctx context.Context, filter store.CDRFilter) (store.Sums, error) {
	r.sync(ctx)
	return r.db.Sum(ctx, filter)
}

// SumBy implements store.Records.
func (r *records) SumBy(ctx context.Context, filter store.CDRFilter) ([]store.Group, error) {
	r.sync(ctx)
	return r.db.SumBy(ctx, filter)
}
