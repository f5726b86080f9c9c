// The pixel: tells the collector which campaign led to a visit, once, and only where that is allowed.
// Served without these comments and without spaces that mean nothing (script.py): every statement ends with a
// semicolon or a brace, strings have single quotes, and there are no regular expression literals.
((w, d, n, C) => {
const NAME = 'kiki_visitor', OUT = 'kiki_optout', T0 = Date.now(), l = w.location, old = w.kiki, wait = [];
let timer, said, tcf, hit, cart;
if (old && old.on) return;

const get = (name) => (d.cookie.match('(?:^|; )' + name + '=([^;]*)') || '')[1];
const put = (name, value, days) => {
  d.cookie = name + '=' + value + ';path=/;SameSite=Lax;max-age=' + days * 86400 + (l.protocol == 'https:' ? ';Secure' : '');
};
// Whether the tab has not seen this value yet; asked only after consent.
const once = (key, value) => {
  try {
    if (w.sessionStorage[key] == value) return false;
    w.sessionStorage[key] = value;
  } catch (e) {}
  return true;
};
const hex = (bytes) => Array.from(new Uint8Array(bytes), (b) => (b + 256).toString(16).slice(1)).join('');
const random = () => hex(w.crypto.getRandomValues(new Uint8Array(16)));

// What no consent overrules.
const barred = () => n.globalPrivacyControl || C.dnt && n.doNotTrack == 1 || n.webdriver || get(OUT);

// Who allows it: a name. 0: refused. undefined: not said yet.
const basis = () => {
  const s = w.Shopify, p = s && s.customerPrivacy;
  let g;
  if (said !== undefined) return said && 'call';
  if (p && p.marketingAllowed) return p.marketingAllowed() && p.analyticsProcessingAllowed() ? 'shopify' : 0;
  if (s && s.loadFeatures) return g;
  if (w.wp_has_consent && (w.wp_consent_type || w.wp_fallback_consent_type)) return w.wp_has_consent('marketing') ? 'wp' : 0;
  if (w.__tcfapi) return tcf && (tcf.gdprApplies === false || tcf.purpose.consents[1] && tcf.purpose.consents[7] ? 'tcf' : 0);
  (w.dataLayer || []).forEach((a) => { if (a && a[0] == 'consent' && a[2] && a[2].ad_storage) g = a; });
  if (g) return g[2].ad_storage == 'granted' ? 'gcm' : g[1] == 'update' ? 0 : undefined;
  return C.need ? g : 'none';
};
const send = (event) => {
  const s = JSON.stringify(event);
  if (!(n.sendBeacon && n.sendBeacon(C.url, s))) w.fetch(C.url, { method: 'POST', body: s, keepalive: true, mode: 'no-cors' });
};
const tell = (event, visitor, consent) => send(Object.assign(event, { event_id: random(), visitor, consent, age_ms: Date.now() - T0 }));

// The visitor id travels with the order: as a cart attribute on Shopify; elsewhere the shop reads the get.
const hand = (id) => {
  const now = id + get('cart');
  if (C.cart && cart != now && once(NAME, now)) w.fetch('/cart/update.js', {
    method: 'POST', body: new URLSearchParams({ 'attributes[_kiki_visitor]': id })
  }).catch(() => {});
  cart = now;
};
const go = () => {
  if (d.prerendering) return;
  const no = barred(), by = no ? 0 : basis();
  let id = get(NAME);
  if (by) {
    put(NAME, id = id || random(), C.days);
    if (hit && once('kiki_hit', l.href)) tell(hit, id, by);
    hit = 0;
    wait.splice(0).forEach((e) => { if (once('kiki_who', JSON.stringify(e))) tell(e, id, by); });
    hand(id);
  } else if (by === 0 && id) put(NAME, '', 0);
  clearTimeout(timer);
  if (!by && !no && (hit || wait[0] || id)) timer = setTimeout(go, 1000);
};
const identify = (who) => {
  const event = { kind: 'identify', customer_id: who.customerId && '' + who.customerId, email_sha256: who.emailSha256, proof: who.proof };
  const add = () => { wait.push(event); go(); };
  if (who.email && w.crypto.subtle) w.crypto.subtle.digest('SHA-256', new TextEncoder().encode(who.email.trim().toLowerCase())).then((sum) => {
    event.email_sha256 = hex(sum);
    add();
  });
  else add();
};
const kiki = w.kiki = (what, value) => {
  const id = get(NAME);
  if (what == 'id') return id;
  if (what == 'identify') return identify(value || {});
  if (what == 'consent') said = value ? 1 : 0;
  if (what == 'optin') put(OUT, '', 0);
  if (what == 'optout') {
    if (id) send({ kind: what, visitor: id, event_id: random() });
    put(OUT, 1, 400);
  }
  go();
};
kiki.on = 1;

// Where the visit came from: parameters of the address, else another host.
const start = () => {
  const params = {};
  let referrer = '', kind = 'visit';
  new URLSearchParams(l.search).forEach((value, key) => {
    key = key.toLowerCase();
    if (value && key.match(C.names)) { params[key] = value.slice(0, 500); kind = 'click'; }
  });
  try { referrer = new URL(d.referrer).host; } catch (e) {}
  if (referrer == l.host) referrer = '';
  if (referrer || kind == 'click') hit = { kind, landing: l.pathname.slice(0, 200), referrer, params };
  ['visitorConsentCollected', 'wp_listen_for_consent_change'].forEach((e) => d.addEventListener(e, go));
  if (w.__tcfapi) w.__tcfapi('addEventListener', 2, (t, ok) => { if (ok && t.eventStatus != 'cmpuishown') { tcf = t; go(); } });
  if (w.Shopify && w.Shopify.loadFeatures) w.Shopify.loadFeatures([{ name: 'consent-tracking-api', version: '0.1' }], go);
  (old && old.q || []).forEach((a) => kiki(a[0], a[1]));
  go();
};
if (d.prerendering) d.addEventListener('prerenderingchange', start);
else start();
})(window, document, navigator, CONFIG);
