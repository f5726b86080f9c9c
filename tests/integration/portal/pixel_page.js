// A page for the pixel: runs the served script against a window of its own, then the steps that a test asks for.
// In: {script, page, steps} on stdin. Out: what the page saw, as JSON.
'use strict';
const { script, page, steps } = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const jar = new Map(Object.entries(page.cookies || {}));
const seen = { beacons: [], fetches: [], cookie_attributes: {}, answers: [], timers: 0 };
const listeners = {};
let timers = [];

const storage = new Map(Object.entries(page.session || {}));
const sessionStorage = new Proxy({}, {
  get: (_, key) => storage.get(key),
  set: (_, key, value) => (storage.set(key, String(value)), true),
});
const fetch = (url, options) => {
  seen.fetches.push({ url, method: options.method, body: String(options.body), mode: options.mode || null, keepalive: !!options.keepalive });
  return Promise.resolve({});
};
const location = new URL(page.url || 'https://shop.example/');
const document = {
  referrer: page.referrer || '',
  prerendering: !!page.prerendering,
  addEventListener: (name, listener) => (listeners[name] = listeners[name] || []).push(listener),
  get cookie() { return [...jar].map(([name, value]) => `${name}=${value}`).join('; '); },
  set cookie(text) {
    const [pair, ...attributes] = text.split(';').map((part) => part.trim());
    const [name, value] = pair.split('=');
    if (attributes.includes('max-age=0')) jar.delete(name);
    else jar.set(name, value);
    seen.cookie_attributes[name] = attributes;
  },
};
const navigator = {
  globalPrivacyControl: page.gpc,
  doNotTrack: page.dnt || null,
  webdriver: !!page.webdriver,
  sendBeacon: page.noBeacon ? undefined : (url, body) => (seen.beacons.push({ url, body: JSON.parse(body) }), true),
};
const crypto = {
  getRandomValues: (bytes) => require('crypto').webcrypto.getRandomValues(bytes),
  subtle: { digest: (_, bytes) => Promise.resolve(require('crypto').createHash('sha256').update(bytes).digest()) },
};
const window = { location, document, navigator, sessionStorage, fetch, crypto };
const run = (code) => new Function('window', 'document', 'navigator', 'setTimeout', 'clearTimeout', code)(
  window, document, navigator,
  (task) => (timers.push(task), timers.length),
  () => { timers = []; },
);

const settle = () => new Promise((resolve) => setImmediate(resolve));
const act = async (step) => {
  if (step.run) run(step.run);
  if (step.load) run(script);
  if (step.call) seen.answers.push(window.kiki(...step.call) ?? null);
  if (step.event) (listeners[step.event] || []).forEach((listener) => listener({}));
  if (step.tick) { const due = timers; timers = []; due.forEach((task) => task()); }
  for (let turn = 0; turn < 20; turn++) await settle();
};
(async () => {
  for (const step of steps) await act(step);
  seen.timers = timers.length;
  console.log(JSON.stringify({ ...seen, cookies: Object.fromEntries(jar), session: Object.fromEntries(storage) }));
})();
