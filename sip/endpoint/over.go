package endpoint

import "santral/sip/transport"

// Over makes the wire of an endpoint out of the transport.
func Over(l *transport.Layer) Wire { return layer{l} }

type layer struct{ *transport.Layer }

func (l layer) Writer() Writer { return l.Layer.Writer() }
