// Keeps an open page true, and says so when it is not. The server makes all of its content: this script loads the page again when
// an event says that it changed, and takes over the differences as text and attributes.
"use strict";
{
  const OLD = 14_000;     // ms after which nothing on the page counts as known; in a hidden tab, timers are a second late
  const POLL = 10_000;    // a page is loaded again at least that often while it is visible
  const PAUSE = 1_000;    // and at most that often
  const SILENCE = 12_000; // without an event for longer, the stream is dead: signs of life come every 5 s

  const root = document.documentElement;
  const body = document.body;
  let title = document.title;
  let isOld = false;
  let isChanged = false;  // an event said that the page is not up to date
  let trueAt = Date.now() - performance.now();  // when the page was last known to be true
  let loadedAt = trueAt;
  let cost = 0;           // ms that the last load took
  let isLoading = false;
  let number = body.dataset.number;
  let timer, due;

  // --- Age. The style turns the page grey by an animation; this starts its time again.

  const setAge = (age) => {
    for (const animation of root.getAnimations()) animation.currentTime = age;
    isOld = age >= OLD;
    const words = title.replace(/^[✓✕…?] /, "");
    const shown = isOld ? `? Out of date: ${words}` : title;
    if (document.title !== shown) document.title = shown;
  };

  const expire = () => { if (!isOld) setAge(OLD + 2_000); };

  const confirm = (age) => {
    clearTimeout(timer);
    trueAt = Date.now() - age;
    setAge(age);
    // Each event sets this timer again, so that a hidden tab does not delay it.
    timer = setTimeout(expire, Math.max(0, OLD - age));
  };

  // --- Differences

  const refused = new Set(["script", "style", "link", "meta", "base", "iframe", "object", "embed", "noscript"]);

  const make = (node) => {
    if (node.nodeType === Node.TEXT_NODE) return document.createTextNode(node.data);
    if (node.nodeType !== Node.ELEMENT_NODE || refused.has(node.localName)) return document.createTextNode("");
    const copy = document.createElementNS(node.namespaceURI, node.localName);
    takeAttributes(copy, node);
    for (const child of node.childNodes) copy.append(make(child));
    return copy;
  };

  const takeAttributes = (old, next) => {
    for (const { name, value } of [...next.attributes]) {
      if (!name.startsWith("on") && old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
    for (const { name } of [...old.attributes]) {
      // What the reader unfolded stays open.
      if (!next.hasAttribute(name) && !(name === "open" && old.localName === "details")) old.removeAttribute(name);
    }
  };

  // Rows and items are the same if they link to the same, and sections if they have the same heading.
  const key = (node) => {
    switch (node.localName) {
    case "tr":
    case "li": return node.querySelector("a")?.getAttribute("href") ?? null;
    case "section": return node.querySelector(":scope > h2")?.firstChild?.data ?? node.className;
    default: return null;
    }
  };

  const isAlike = (one, other) =>
    one.nodeType === other.nodeType && one.nodeName === other.nodeName && key(one) === key(other);

  // Moved this way, an element keeps the focus.
  const move = (parent, node, place) =>
    parent.moveBefore ? parent.moveBefore(node, place) : parent.insertBefore(node, place);

  const isEdited = (form) => form.contains(document.activeElement) || [...form.elements].some((field) =>
    field.type === "checkbox" ? field.checked !== field.defaultChecked
      : field.options ? [...field.options].some((option) => option.selected !== option.defaultSelected)
      : field.defaultValue !== undefined && field.value !== field.defaultValue);

  const take = (old, next) => {
    if (old.nodeType === Node.TEXT_NODE) {
      if (old.data !== next.data) old.data = next.data;
      return;
    }
    if (old.nodeType !== Node.ELEMENT_NODE || refused.has(old.localName)) return;
    if (old.localName === "form" && isEdited(old)) return;
    takeAttributes(old, next);
    const keyed = new Map();
    for (const child of old.children) {
      const name = key(child);
      if (name !== null && !keyed.has(name)) keyed.set(name, child);
    }
    let at = old.firstChild;
    const drop = () => {
      const after = at.nextSibling;
      at.remove();
      at = after;
    };
    for (const child of next.childNodes) {
      const name = key(child);
      let same = name === null ? undefined : keyed.get(name);
      if (same) {
        keyed.delete(name);
      } else {
        const isWanted = () => {
          if (keyed.has(key(at))) return true;
          for (let later = child.nextSibling; later; later = later.nextSibling) if (isAlike(at, later)) return true;
          return false;
        };
        while (at && !isAlike(at, child) && !isWanted()) drop();
        if (at && isAlike(at, child)) same = at;
      }
      if (!same) {
        old.insertBefore(make(child), at);
        continue;
      }
      if (same === at) at = at.nextSibling;
      else move(old, same, at);
      take(same, child);
    }
    while (at) drop();
  };

  const files = (page) => [...page.querySelectorAll("link[rel=stylesheet], script[src]")]
    .map((file) => file.getAttribute("href") ?? file.getAttribute("src")).join(" ");

  // --- Loading the page again

  const load = () => {
    if (isLoading) return;
    isLoading = true;
    isChanged = false;
    const begun = Date.now();
    // This way, the browser parses the answer without a string of markup, which Trusted Types would refuse.
    const request = new XMLHttpRequest();
    request.open("GET", location.href);
    request.responseType = "document";
    request.timeout = POLL;
    request.setRequestHeader("Accept", "text/html");
    request.onloadend = () => {
      isLoading = false;
      loadedAt = Date.now();
      cost = loadedAt - begun;
      const page = request.responseXML;
      if (request.status !== 200 || !page?.body?.dataset.number) {
        isChanged = true;
        // Signed out, or gone: the browser shows what the service says, but not what a proxy says while the service restarts.
        const isOurs = page?.querySelector("link[href^='/service.css']");
        if (isOurs && request.status < 500 && request.status !== 429) location.reload();
        return;
      }
      if (files(page) !== files(document)) return location.reload();
      const focused = document.activeElement;
      title = page.title;
      take(body, page.body);
      if (focused !== document.activeElement && focused?.isConnected) focused.focus({ preventScroll: true });
      number = body.dataset.number;
      if (isChanged) schedule();
      confirm(Date.now() - begun);
    };
    request.send();
  };

  // Loads soon, but not too often: a page in the background has time, and so has one that is slow to load.
  const schedule = () => {
    isChanged = true;
    clearTimeout(due);
    const pause = Math.max(document.hidden ? POLL : PAUSE, 4 * cost);
    due = setTimeout(load, Math.max(0, loadedAt + pause - Date.now()) + Math.random() * 200);
  };

  // --- Events

  const concerns = (event) => {
    const topics = body.dataset.topics.split(" ");
    if (topics[0] === "") return true;
    const host = body.dataset.host;
    if (host !== undefined && event.changed && !event.changed.includes(host)) return false;
    return topics.includes(event.page) || topics.includes(event.fleet_page);
  };

  const receive = ({ kind, data, id, age, at }) => {
    heardAt = Date.now();
    if (id) number = id;
    if (kind === "alive") {
      const now = age + Math.max(0, Date.now() - at);
      if (!isChanged && !isLoading && now < OLD) confirm(Math.min(now, Date.now() - trueAt));
    } else if (kind === "snapshot" || kind === "reload" || concerns(data)) {
      schedule();
    }
  };

  // One stream for all tabs: over HTTP/1.1, a browser opens six connections and no more.
  const others = new BroadcastChannel("buildinfo events");
  others.onmessage = (message) => receive(message.data);
  let stream, heardAt = Date.now(), least = Infinity, isLeader = false, again;

  const close = () => {
    clearTimeout(again);
    stream?.close();
    stream = undefined;
  };

  const open = () => {
    close();
    heardAt = Date.now();
    least = Infinity;
    stream = new EventSource(`/api/v1/events?last_event_id=${number}`);
    for (const kind of ["snapshot", "fleet", "verification", "alive", "reload"]) {
      stream.addEventListener(kind, (event) => {
        const data = JSON.parse(event.data);
        let age = 0;
        if (kind === "alive") {
          // An event that was held up on its way is that much older than the fastest one.
          const delay = Date.now() - data.at;
          least = Math.min(least, delay);
          age = delay - least;
        }
        const message = { kind, data, id: event.lastEventId, age, at: Date.now() };
        others.postMessage(message);
        receive(message);
      });
    }
    stream.onerror = () => {
      if (stream?.readyState === EventSource.CLOSED) again = setTimeout(open, 5_000 + Math.random() * 5_000);
    };
  };

  const lead = () => {
    isLeader = true;
    open();
  };

  if (navigator.locks) {
    navigator.locks.request("buildinfo events", () => new Promise(lead));
  } else {
    // Over plain HTTP, tabs cannot agree on one of them: each one that can be seen has a stream.
    const turn = () => {
      if (document.hidden) {
        isLeader = false;
        close();
      } else if (!isLeader) {
        lead();
      }
    };
    document.addEventListener("visibilitychange", turn);
    turn();
  }

  // --- Once a second, and whenever a tab or a machine wakes up

  const check = () => {
    const now = Date.now();
    if (now - trueAt > OLD) expire();
    if (isLeader && stream && now - heardAt > SILENCE) open();
    const pause = Math.max(isChanged ? 2 * PAUSE : POLL, 4 * cost);
    if (!document.hidden && now - loadedAt > pause) load();
  };

  setInterval(check, 1_000);
  document.addEventListener("visibilitychange", check);
  for (const name of ["pageshow", "focus", "online", "resume"]) window.addEventListener(name, check);
  // A frozen tab runs nothing any more.
  document.addEventListener("freeze", expire);
  confirm(performance.now());
}
