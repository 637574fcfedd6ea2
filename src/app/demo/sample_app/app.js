// Lab Notebook: a whole SMART app without a library, to be read. Standalone and EHR launch, PKCE, state and iss checked.
'use strict';

const $ = (id) => document.getElementById(id);
const show = (id) => { for (const s of ['start', 'problem', 'busy', 'record']) $(s).hidden = s !== id; };
const memory = window.sessionStorage;

const base64url = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes)))
  .replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));

class Refused extends Error {
  constructor(title, text) { super(text); this.title = title; }
}

function element(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

async function discover(iss) {
  const answer = await fetch(`${iss}/.well-known/smart-configuration`, { headers: { Accept: 'application/json' } });
  if (!answer.ok) throw new Refused('The health record did not answer', `Discovery at ${iss} failed (${answer.status}).`);
  return answer.json();
}

async function authorize(config, iss, launch) {
  const smart = await discover(iss);
  const flow = { iss, verifier: random(), state: random(), nonce: random(), token_endpoint: smart.token_endpoint,
    revocation_endpoint: smart.revocation_endpoint, issuer: smart.issuer };
  memory.setItem('flow', JSON.stringify(flow));
  const challenge = base64url(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(flow.verifier)));
  const url = new URL(smart.authorization_endpoint);
  const context = launch ? 'launch' : 'launch/patient';
  const parameters = {
    response_type: 'code', client_id: config.client_id, redirect_uri: config.redirect_uri, aud: iss,
    scope: `${context} openid fhirUser offline_access patient/Patient.rs patient/Observation.rs patient/Condition.rs patient/MedicationRequest.rs`,
    state: flow.state, nonce: flow.nonce, code_challenge: challenge, code_challenge_method: 'S256',
  };
  if (launch) parameters.launch = launch;
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  location.assign(url);
}

async function tokenRequest(endpoint, form) {
  const answer = await fetch(endpoint, { method: 'POST', body: new URLSearchParams(form) });
  const body = await answer.json();
  if (!answer.ok) throw new Refused('The health record refused', `${body.error}: ${body.error_description ?? ''}`);
  return body;
}

async function finish(config, query) {
  const flow = JSON.parse(memory.getItem('flow') ?? 'null');
  history.replaceState(null, '', './');
  if (!flow || query.get('state') !== flow.state) throw new Refused('This answer belongs to another visit', 'Please start again from this app.');
  if (query.get('iss') !== null && flow.issuer && query.get('iss') !== flow.issuer) throw new Refused('The answer came from somebody else', 'Its issuer is not the one that was asked.');
  if (query.get('error')) {
    throw query.get('error') === 'access_denied'
      ? new Refused('Nothing was shared', 'You chose not to share your record with this app. That is fine.')
      : new Refused('The health record refused', `${query.get('error')}: ${query.get('error_description') ?? ''}`);
  }
  const token = await tokenRequest(flow.token_endpoint, { grant_type: 'authorization_code', code: query.get('code'),
    redirect_uri: config.redirect_uri, client_id: config.client_id, code_verifier: flow.verifier });
  delete flow.verifier;
  memory.setItem('flow', JSON.stringify(flow));
  memory.setItem('token', JSON.stringify(token));
  await render(config, flow, token);
}

// One page of a search, or null when the person did not share this kind of data.
async function search(flow, token, query) {
  const answer = await fetch(`${flow.iss}/${query}`, { headers: { Authorization: `Bearer ${token.access_token}`, Accept: 'application/fhir+json' } });
  if (answer.status === 403) return null;
  if (!answer.ok) throw new Refused('Reading failed', `${query.split('?')[0]}: status ${answer.status}`);
  const bundle = await answer.json();
  return (bundle.entry ?? []).filter((e) => e.search?.mode !== 'outcome').map((e) => e.resource);
}

const text = (concept) => concept?.text ?? concept?.coding?.[0]?.display ?? concept?.coding?.[0]?.code ?? 'unnamed';
const day = (value) => (value ?? '').slice(0, 10);

function chart(points) {
  const ns = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(ns, 'svg');
  svg.setAttribute('viewBox', '0 0 100 30');
  svg.setAttribute('preserveAspectRatio', 'none');
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', `${points.length} values over time`);
  if (points.length > 1) {
    const low = Math.min(...points), span = (Math.max(...points) - low) || 1;
    const line = document.createElementNS(ns, 'polyline');
    line.setAttribute('vector-effect', 'non-scaling-stroke');
    line.setAttribute('points', points.map((v, i) => `${(i * 100) / (points.length - 1)},${27 - ((v - low) / span) * 24}`).join(' '));
    svg.append(line);
  }
  return svg;
}

function renderLabs(observations) {
  const box = $('labs');
  if (observations === null) return box.replaceChildren(element('p', { className: 'hidden-by-choice', textContent: 'You did not share laboratory results with this app.' }));
  const groups = new Map();
  for (const o of observations) {
    if (typeof o.valueQuantity?.value !== 'number') continue;
    const name = text(o.code);
    groups.set(name, [...(groups.get(name) ?? []), o]);
  }
  if (groups.size === 0) return box.replaceChildren(element('p', { className: 'fine', textContent: 'No results yet.' }));
  box.replaceChildren(...[...groups].map(([name, list]) => {
    list.sort((a, b) => (a.effectiveDateTime ?? '').localeCompare(b.effectiveDateTime ?? ''));
    const last = list[list.length - 1];
    const range = last.referenceRange?.[0];
    const outside = (range?.high && last.valueQuantity.value > range.high.value) || (range?.low && last.valueQuantity.value < range.low.value);
    const value = element('div', { className: 'value' }, element('b', { textContent: String(last.valueQuantity.value), className: outside ? 'high' : '' }), ` ${last.valueQuantity.unit ?? ''}`);
    if (outside) value.append(element('div', { className: 'fine high', textContent: 'outside the usual range' }));
    return element('div', { className: 'lab' }, element('div', {}, element('div', { className: 'name', textContent: name }), element('div', { className: 'fine', textContent: day(last.effectiveDateTime) })), chart(list.map((o) => o.valueQuantity.value)), value);
  }));
}

function renderList(id, resources, line, nothing) {
  if (resources === null) return $(id).replaceChildren(element('p', { className: 'hidden-by-choice', textContent: nothing }));
  if (resources.length === 0) return $(id).replaceChildren(element('p', { className: 'fine', textContent: 'None on record.' }));
  $(id).replaceChildren(element('ul', { className: 'plain' }, ...resources.map((r) => element('li', {}, line(r)))));
}

function renderGrant(token) {
  const rows = [['Record', `Patient/${token.patient}`], ['Lifetime', `${token.expires_in} seconds, then ${token.refresh_token ? 'renewed without asking you' : 'you connect again'}`]];
  const list = $('grant');
  list.replaceChildren(...rows.flatMap(([name, value]) => [element('dt', { textContent: name }), element('dd', { textContent: value })]),
    element('dt', { textContent: 'Permissions' }), element('dd', { id: 'granted' }, ...token.scope.split(' ').map((s) => element('span', { className: 'scope', textContent: s }))));
}

async function render(config, flow, token) {
  show('busy');
  const [patients, labs, conditions, medications] = await Promise.all([
    search(flow, token, `Patient?_id=${encodeURIComponent(token.patient)}`),
    search(flow, token, `Observation?category=laboratory&patient=${encodeURIComponent(token.patient)}&_count=100`),
    search(flow, token, `Condition?patient=${encodeURIComponent(token.patient)}`),
    search(flow, token, `MedicationRequest?patient=${encodeURIComponent(token.patient)}`),
  ]);
  const patient = patients?.[0];
  const name = patient?.name?.[0];
  $('patient-name').textContent = patient ? [...(name?.given ?? []), name?.family ?? ''].join(' ') : 'Your record';
  $('patient-facts').textContent = patient ? `born ${patient.birthDate ?? 'unknown'} · ${patient.gender ?? ''}` : 'You did not share name and birth date.';
  renderLabs(labs);
  renderList('conditions', conditions, (c) => text(c.code), 'You did not share conditions.');
  renderList('medications', medications, (m) => text(m.medicationCodeableConcept), 'You did not share medicines.');
  renderGrant(token);
  $('refresh').hidden = !token.refresh_token;
  $('refresh').onclick = () => guard(async () => {
    const fresh = await tokenRequest(flow.token_endpoint, { grant_type: 'refresh_token', refresh_token: token.refresh_token, client_id: config.client_id });
    memory.setItem('token', JSON.stringify({ ...token, ...fresh }));
    $('refreshed').textContent = `renewed at ${new Date().toLocaleTimeString()}`;
    await render(config, flow, { ...token, ...fresh });
  });
  $('disconnect').hidden = false;
  $('disconnect').onclick = () => guard(async () => {
    await fetch(flow.revocation_endpoint, { method: 'POST', body: new URLSearchParams({ token: token.refresh_token ?? token.access_token, client_id: config.client_id }) });
    memory.clear();
    location.assign('./');
  });
  show('record');
}

async function guard(work) {
  try {
    await work();
  } catch (error) {
    $('problem-title').textContent = error.title ?? 'That did not work';
    $('problem-text').textContent = error.message;
    show('problem');
  }
}

guard(async () => {
  const config = await (await fetch('config.json')).json();
  $('iss').textContent = config.iss;
  const query = new URLSearchParams(location.search);
  if (query.get('state') && (query.get('code') || query.get('error'))) return finish(config, query);
  if (query.get('launch') && query.get('iss')) {
    // An EHR launch is followed only for the one record system this app is registered with.
    if (query.get('iss') !== config.iss) throw new Refused('Unknown health record', 'This app is not registered there.');
    return authorize(config, config.iss, query.get('launch'));
  }
  const token = JSON.parse(memory.getItem('token') ?? 'null');
  if (token) return render(config, JSON.parse(memory.getItem('flow')), token);
  $('connect').onclick = () => guard(() => authorize(config, config.iss, null));
  show('start');
});
