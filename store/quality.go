package store

import (
	"context"
	"time"
)

// Measured is what is known of a stream besides its counts. What never was is left out.
type Measured struct {
	Discarded  uint64  `json:"discarded,omitempty" doc:"packets that came too late to be played"`
	Concealed  int64   `json:"concealed_us,omitempty" doc:"sound that was made up for what was missing, in microseconds"`
	Delay      int64   `json:"delay_us,omitempty" doc:"from the peer's mouth to the exchange, estimated, in microseconds"`
	Listening  float64 `json:"mos_lq,omitempty" doc:"MOS of who only listens: delay does not count"`
	Bursts     uint64  `json:"bursts,omitempty" doc:"stretches in which many packets were lost (RFC 3611)"`
	BurstLost  uint64  `json:"burst_lost,omitempty" doc:"packets lost in them"`
	BurstSpan  uint64  `json:"burst_packets,omitempty" doc:"packets of them, lost or not"`
	BurstRatio float64 `json:"burst_ratio,omitempty" doc:"BurstR of ITU-T G.107: 1 by chance, more when losses come in a row"`
	Course
	Heard *Heard `json:"heard,omitempty" doc:"what the peer says of the packets that it gets"`
}

// Course is how a stream went from one five seconds to the next.
type Course struct {
	Samples     uint32  `json:"samples,omitempty" doc:"five seconds that were judged"`
	Average     float64 `json:"mos_average,omitempty"`
	Worst       float64 `json:"mos_worst,omitempty" doc:"MOS of the worst five seconds"`
	WorstLoss   float64 `json:"loss_worst,omitempty" doc:"share lost in them"`
	WorstJitter int64   `json:"jitter_worst_us,omitempty"`
}

// Heard is what a peer says of the packets that it gets (RFC 3550 §6.4.1, RFC 3611 §4.7): its word, not ours.
type Heard struct {
	Reports   uint64  `json:"reports"`
	Packets   uint64  `json:"packets" doc:"that it expected"`
	Lost      uint64  `json:"lost"`
	Discarded float64 `json:"discarded,omitempty" doc:"share that came too late for it"`
	Jitter    int64   `json:"jitter_us"`
	Delay     int64   `json:"delay_us,omitempty" doc:"of its own equipment"`
	MOS       float64 `json:"mos" doc:"our estimate of what it says"`
	Said      float64 `json:"mos_said,omitempty" doc:"MOS-LQ that it gives itself"`
	Course
}

// Notice is something of a leg's media that people want to know.
type Notice struct {
	At   time.Time `json:"at"`
	What string    `json:"what" doc:"one way, two way, dead, wrong key, flood, fax calling, fax answering, path lost, path found, reached again"`
	Addr string    `json:"addr,omitempty" doc:"where our packets for the peer went"`
	Text string    `json:"text,omitempty"`
}

// MostNotices is how many of a leg are kept.
const MostNotices = 32

// Kinds of phones' reports.
const (
	SessionReport  = "session"  // of a whole call
	IntervalReport = "interval" // of a part of it
	AlertReport    = "alert"    // something has become bad
)

// PhoneReport is what a phone itself says of the quality of its leg (RFC 6035): its word, not ours.
type PhoneReport struct {
	Tenant    string `json:"-"`
	Account   string `json:"-"`
	SIPCallID string `json:"-"`

	At     time.Time     `json:"at"`
	Kind   string        `json:"kind" doc:"session, interval or alert: the last of the call, or that of all of it"`
	Alert  string        `json:"alert,omitempty" doc:"of what an alert warns"`
	Alerts int           `json:"alerts,omitempty" doc:"how many it sent"`
	Local  *PhoneMetrics `json:"local" doc:"what the phone got"`
	Remote *PhoneMetrics `json:"remote,omitempty" doc:"what the other side told it that it got"`
}

// PhoneMetrics is one direction of it. What the phone did not say is left out.
type PhoneMetrics struct {
	Codec         string  `json:"codec,omitempty"`
	Loss          float64 `json:"loss,omitempty" doc:"share, 0 to 1"`
	Discarded     float64 `json:"discarded,omitempty" doc:"share that came too late"`
	BurstDensity  float64 `json:"burst_density,omitempty"`
	BurstTime     int64   `json:"burst_ms,omitempty"`
	GapDensity    float64 `json:"gap_density,omitempty"`
	GapTime       int64   `json:"gap_ms,omitempty"`
	Buffer        int64   `json:"buffer_ms,omitempty"`
	RoundTrip     int64   `json:"round_trip_ms,omitempty"`
	EndDelay      int64   `json:"end_delay_ms,omitempty"`
	OneWay        int64   `json:"one_way_ms,omitempty"`
	Jitter        float64 `json:"jitter_ms,omitempty"`
	ListeningR    float64 `json:"r_lq,omitempty"`
	ConversationR float64 `json:"r_cq,omitempty"`
	Listening     float64 `json:"mos_lq,omitempty"`
	Conversation  float64 `json:"mos_cq,omitempty"`
}

// PhoneReports keeps phones' reports, one for each leg; records come with them.
type PhoneReports interface {
	// PutPhoneReport keeps one. One that is there stays, with its alerts added to, when it is of the whole session
	// and the new one is not.
	PutPhoneReport(ctx context.Context, r PhoneReport) error
}
