// A telephone in a page, told by the test what to do and asked by it what happened.
import JsSIP from "jssip";

window.events = [];
window.ice = []; // the page's iceServers
window.policy = "all";
const note = (kind, detail) => window.events.push({ kind, detail: detail ? String(detail) : "" });
const media = () => ({
  // the microphone as it is, so that what was said can be compared with what was heard
  mediaConstraints: { audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false }, video: false },
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

window.call = (target) => window.ua.call(target, media());
window.answer = () => window.session.answer(media());

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
