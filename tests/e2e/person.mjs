// A person with a browser that has no screen and no JavaScript: cookies, links, forms. For tests that are about something else
// than the pages.
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import assert from 'node:assert/strict';

const plain = (html) => html.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(amp|lt|gt|quot|apos));/gi, (_, hex, number, name) =>
  name ? { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }[name.toLowerCase()] : String.fromCodePoint(hex ? parseInt(hex, 16) : Number(number)));

function attributes(text) {
  const out = {};
  for (const [, name, value] of text.matchAll(/([a-zA-Z-]+)(?:="([^"]*)")?/g)) out[name] = plain(value ?? '');
  return out;
}

/// What a page says, for messages of failed checks.
export const words = (html) => html.replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ').slice(0, 500);

/// Forms of a page: action, inputs, buttons.
export function forms(html, base) {
  return [...html.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/g)].map(([, head, inside]) => {
    const form = attributes(head);
    return {
      action: new URL(form.action, base).href,
      inputs: [...inside.matchAll(/<input\b([^>]*)>/g)].map(([, text]) => attributes(text)),
      buttons: [...inside.matchAll(/<button\b([^>]*)>/g)].map(([, text]) => attributes(text)),
    };
  });
}

/// Every value of a form as it would be sent untouched: hidden and text fields, ticked boxes.
export const fields = (form) => form.inputs
  .filter((i) => i.name && (i.type !== 'checkbox' || 'checked' in i)).map((i) => [i.name, i.value ?? '']);

export class Person {
  constructor(info) {
    this.info = info;
    this.cookies = new Map();
    this.ca = info.ca_file ? readFileSync(info.ca_file) : undefined;
  }

  request(method, url, { form, headers = {} } = {}) {
    const target = new URL(url);
    const body = form ? new URLSearchParams(form).toString() : undefined;
    const all = { ...headers };
    if (this.cookies.size) all.Cookie = [...this.cookies].map(([n, v]) => `${n}=${v}`).join('; ');
    if (body !== undefined) Object.assign(all, { 'Content-Type': 'application/x-www-form-urlencoded', 'Content-Length': Buffer.byteLength(body) });
    return new Promise((resolve, reject) => {
      const call = (target.protocol === 'https:' ? https : http).request(target, { method, headers: all, ca: this.ca, agent: false }, (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (part) => (text += part)).on('end', () => {
          for (const line of answer.headers['set-cookie'] ?? []) this.keep(line);
          resolve({ status: answer.statusCode, headers: answer.headers, body: text, url });
        });
      });
      call.on('error', reject);
      call.end(body);
    });
  }

  keep(line) {
    const [pair, ...rest] = line.split(';');
    const at = pair.indexOf('=');
    const name = pair.slice(0, at).trim();
    if (/max-age=0/i.test(rest.join(';'))) this.cookies.delete(name); else this.cookies.set(name, pair.slice(at + 1).trim());
  }

  /// Follows redirects until there is a page, or until the browser would leave the authorization server.
  async follow(answer) {
    for (let hops = 0; hops < 10; hops += 1) {
      if (![302, 303].includes(answer.status)) return answer;
      const location = new URL(answer.headers.location, answer.url);
      if (!location.href.startsWith(this.info.issuer)) return { ...answer, left: location };
      answer = await this.request('GET', location.href);
    }
    throw new Error('redirects without end');
  }
  async open(url) { return this.follow(await this.request('GET', url)); }
  async submit(page, name, entries) {
    const form = this.form(page, name);
    return this.follow(await this.request('POST', form.action, { form: entries(form) }));
  }
  form(page, name) {
    const form = forms(page.body, page.url).find((f) => f.action.endsWith(`/${name}`));
    assert.ok(form, `there is no form "${name}" on this page (${page.status}): ${words(page.body)}`);
    return form;
  }
  signIn(page, user) {
    return this.submit(page, 'sign-in', (f) => [...fields(f).filter(([n]) => n === 'csrf'), ['username', user.username], ['password', user.password]]);
  }
  pick(page, patient) {
    return this.submit(page, 'patient', (f) => [...fields(f), ['patient', patient]]);
  }
  decide(page, { decision = 'allow', untick = [] } = {}) {
    return this.submit(page, 'consent', (f) => [...fields(f).filter(([n, v]) => !untick.includes(v) && !untick.includes(n)), ['decision', decision]]);
  }

  /// From an authorization request to where the answer goes. Signs in, picks and consents when asked.
  async authorize(url, { user = this.info.users.patient, patient = 'maria', ...choice } = {}) {
    let page = await this.open(String(url));
    for (let step = 0; step < 6 && !page.left; step += 1) {
      assert.equal(page.status, 200, `${page.status} at ${page.url}: ${words(page.body)}`);
      if (page.body.includes('id="username"')) page = await this.signIn(page, user);
      else if (page.body.includes('name="patient"')) page = await this.pick(page, patient);
      else page = await this.decide(page, choice);
    }
    assert.ok(page.left, 'the pages lead nowhere');
    return page.left;
  }
}
