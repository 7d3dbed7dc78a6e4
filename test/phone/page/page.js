// A telephone in a page, told by the test what to do and asked by it what happened.
import JsSIP from "jssip";

window.events = [];
window.ice = []; // the page's iceServers
window.policy = "all";
const note = (kind, detail) => window.events.push({ kind, detail: detail ? String(detail) : "" });
const media = (video) => ({
  // the microphone as it is, so that what was said can be compared with what was heard
  mediaConstraints: {
    audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
    video: video ? { width: 320, height: 240, frameRate: 15 } : false,
  },
  pcConfig: { iceServers: window.ice, iceTransportPolicy: window.policy },
});

window.register = (url, uri, user, password) => {
  window.ua = new JsSIP.UA({
    sockets: [new JsSIP.WebSocketInterface(url)],
    uri,
    authorization_user: user,
    password,
    register_expires: 600,
    session_timers: false,
  });
  for (const kind of ["connected", "disconnected", "registered", "unregistered"]) window.ua.on(kind, () => note(kind));
  window.ua.on("registrationFailed", (e) => note("registrationFailed", e.cause));
  window.ua.on("newRTCSession", ({ originator, session, request }) => {
    window.session = session;
    session.on("failed", (e) => note("failed", e.cause));
    session.on("confirmed", () => note("talks"));
    session.on("ended", (e) => note("ended", e.cause));
    session.on("newDTMF", ({ originator, dtmf }) => originator === "remote" && note("key", dtmf.tone));
    if (originator === "remote") {
      session.on("peerconnection", ({ peerconnection }) => listen(peerconnection));
      note("rings", request.from.uri.user);
    } else listen(session.connection);
  });
  window.ua.on("newMessage", ({ originator, request }) => {
    if (originator === "remote") note("message", request.body);
  });
  window.ua.start();
};

window.say = (target, text) =>
  window.ua.sendMessage(target, text, {
    eventHandlers: { succeeded: () => note("said", text), failed: (e) => note("notSaid", e.cause) },
  });

// only leaves one codec of pictures in a description, with what repairs it.
const only = (sdp, codec) => {
  const [head, ...sections] = sdp.split(/(?=^m=)/m);
  return head + sections.map((section) => {
    if (!section.startsWith("m=video")) return section;
    const keep = new Set([...section.matchAll(new RegExp(`^a=rtpmap:(\\d+) ${codec}/`, "gim"))].map((m) => m[1]));
    for (const [, n, of] of section.matchAll(/^a=fmtp:(\d+) apt=(\d+)/gm)) if (keep.has(of)) keep.add(n);
    return section
      .replace(/^(m=video \d+ \S+) (.*)$/m, (_, begin, list) => begin + " " + list.trim().split(" ").filter((n) => keep.has(n)).join(" "))
      .split("\r\n")
      .filter((line) => !/^a=(rtpmap|fmtp|rtcp-fb):\d+ /.test(line) || keep.has(line.match(/:(\d+) /)[1]))
      .join("\r\n");
  }).join("");
};

// With a codec the call has pictures, of that codec alone.
window.call = (target, codec) => {
  const session = window.ua.call(target, {
    ...media(codec),
    eventHandlers: { sdp: (e) => { if (codec && e.originator === "local") e.sdp = only(e.sdp, codec); } },
  });
  return session;
};
window.answer = (video) => window.session.answer(media(video));

// seen tells what came of pictures, and what was asked for: the figures of the browser's own.
window.seen = async () => {
  const sum = { codec: "", frames: 0, keys: 0, width: 0, sent: 0, asked: 0, told: 0, rate: 0 };
  const stats = await window.pc.getStats();
  for (const s of stats.values()) {
    if (s.kind !== "video" && s.type !== "candidate-pair") continue;
    if (s.type === "inbound-rtp") {
      Object.assign(sum, { frames: s.framesDecoded || 0, keys: s.keyFramesDecoded || 0, width: s.frameWidth || 0 });
      sum.codec = stats.get(s.codecId)?.mimeType || "";
    }
    if (s.type === "outbound-rtp") Object.assign(sum, { sent: s.keyFramesEncoded || 0, asked: (s.pliCount || 0) + (s.firCount || 0) });
    if (s.type === "candidate-pair" && s.nominated) sum.rate = s.availableOutgoingBitrate || 0;
  }
  return sum;
};

// What the page hears is kept as samples, 8,000 a second.
const rate = 8000;
let samples = [];
let context;
const listen = (pc) => {
  window.pc = pc;
  pc.addEventListener("iceconnectionstatechange", () => note("ice", pc.iceConnectionState));
  pc.addEventListener("track", ({ track }) => {
    if (track.kind !== "audio") return;
    const stream = new MediaStream([track]);
    const player = new Audio(); // a remote stream flows only where it is played
    player.srcObject = stream;
    player.muted = true;
    player.play();
    context?.close(); // of the call before
    samples = [];
    context = new AudioContext({ sampleRate: rate });
    const ear = context.createScriptProcessor(1024, 1, 1);
    ear.onaudioprocess = ({ inputBuffer }) => samples.push(Int16Array.from(inputBuffer.getChannelData(0), (v) => 32767 * v));
    context.createMediaStreamSource(stream).connect(ear);
    ear.connect(context.destination);
  });
};

// heard gives the samples of the last while and begins anew.
window.heard = () => {
  let text = "";
  for (const piece of samples) for (const octet of new Uint8Array(piece.buffer)) text += String.fromCharCode(octet);
  samples = [];
  return btoa(text);
};

// selected tells the pair of candidates in use, as "local remote".
window.selected = async () => {
  const stats = await window.pc.getStats();
  for (const s of stats.values())
    if (s.type === "candidate-pair" && s.nominated && s.state === "succeeded") {
      const [l, r] = [stats.get(s.localCandidateId), stats.get(s.remoteCandidateId)];
      return `${l.candidateType} ${r.candidateType} ${r.address}:${r.port}`;
    }
  return "";
};

// voices tells the encodings of what is heard and of what is said.
window.voices = async () => {
  const stats = await window.pc.getStats();
  const of = (type) => {
    for (const s of stats.values()) if (s.kind === "audio" && s.type === type) return stats.get(s.codecId)?.mimeType || "";
    return "";
  };
  return of("inbound-rtp") + " " + of("outbound-rtp");
};
