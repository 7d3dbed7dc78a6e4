package rtp

type pacer struct{ pool *Pool }

func (p *pacer) close() {}
