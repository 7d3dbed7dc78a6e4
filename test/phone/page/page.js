// A telephone in a page, told by the test what to do and asked by it what happened.
import JsSIP from "jssip";

window.events = [];
const note = (kind, detail) => window.events.push({ kind, detail: detail ? String(detail) : "" });

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
    if (originator !== "remote") return;
    note("rings", request.from.uri.user);
    session.on("failed", (e) => note("failed", e.cause));
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
