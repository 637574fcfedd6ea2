#include "web/pages/style.h"

#include "base/bytes.h"
#include "codec/text.h"
#include "crypto/hash.h"

namespace mitral::web {
namespace {

// Colours keep a contrast of at least 4.5:1 for text and 3:1 for edges of controls, in both schemes (WCAG 2.2 AA).
constexpr std::string_view kCss = R"css(:root {
  color-scheme: light dark;
  --ground: #f4f6f4;
  --card: #ffffff;
  --ink: #1a2421;
  --soft: #52605b;
  --line: #d9dfdb;
  --edge: #7c8a84;
  --accent: #0b6158;
  --accent-strong: #084a43;
  --on-accent: #ffffff;
  --tint: #e9f2ef;
  --warn-ink: #6b3f00;
  --warn-ground: #fdf3df;
  --warn-line: #e2bf7d;
  --bad-ink: #8c1d18;
  --bad-ground: #fdeeec;
  --bad-line: #e3a19b;
  --shadow: 0 1px 2px rgb(20 40 35 / 6%), 0 8px 28px rgb(20 40 35 / 7%);
  --radius: 14px;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #121715;
    --card: #1b2220;
    --ink: #e8eeeb;
    --soft: #a7b4ae;
    --line: #303a36;
    --edge: #75857e;
    --accent: #7fd3c4;
    --accent-strong: #a2e3d8;
    --on-accent: #06231f;
    --tint: #1f2d29;
    --warn-ink: #f3d397;
    --warn-ground: #2e2615;
    --warn-line: #5f4d22;
    --bad-ink: #f6b8b2;
    --bad-ground: #331c1a;
    --bad-line: #6c3833;
    --shadow: none;
  }
}
*, *::before, *::after { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-padding-bottom: 7rem; }
body {
  margin: 0;
  min-height: 100vh;
  display: flex;
  flex-direction: column;
  background: var(--ground);
  color: var(--ink);
  font: 1.0625rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif;
}
h1, h2, p, dl, dd, ul, fieldset { margin: 0; padding: 0; }
h1 { font-size: 1.625rem; line-height: 1.25; font-weight: 650; letter-spacing: -0.012em; text-wrap: balance; }
h2 { font-size: 1.0625rem; line-height: 1.4; font-weight: 650; }
a { color: var(--accent); text-underline-offset: 0.18em; }
a:hover { color: var(--accent-strong); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: 6px; }
.skip { position: absolute; left: -100vw; top: 0.5rem; background: var(--card); padding: 0.6rem 1rem; border-radius: 8px; }
.skip:focus { left: 0.5rem; z-index: 2; }

.top { display: flex; align-items: center; justify-content: center; gap: 0.6rem; padding: 2rem 1rem 1.25rem; }
.top svg { width: 1.75rem; height: 1.75rem; flex: none; color: var(--accent); }
.top span { font-weight: 600; overflow-wrap: anywhere; }
main { width: 100%; max-width: 28rem; margin: 0 auto; padding: 0 1rem 2rem; flex: 1; }
main.wide { max-width: 38rem; }
.card {
  background: var(--card);
  border: 1px solid var(--line);
  border-radius: var(--radius);
  box-shadow: var(--shadow);
  padding: 2rem;
}
.card > * + *, .stack > * + * { margin-top: 1.25rem; }
.lead { color: var(--soft); margin-top: 0.5rem; }
.small { font-size: 0.9375rem; color: var(--soft); }
.foot { text-align: center; font-size: 0.9375rem; color: var(--soft); padding: 0 1rem 2rem; }

label.field { display: block; font-weight: 600; margin-bottom: 0.375rem; }
input[type="text"], input[type="password"], textarea {
  display: block;
  width: 100%;
  font: inherit;
  color: inherit;
  background: var(--card);
  border: 1px solid var(--edge);
  border-radius: 10px;
  padding: 0.7rem 0.85rem;
}
input[type="text"]:focus-visible,
input[type="password"]:focus-visible {
  outline-offset: 0;
  border-color: var(--accent);
  border-radius: 10px;
}
button, .button {
  display: inline-flex;
  align-items: center;
  justify-content: center;
  min-height: 3rem;
  padding: 0.65rem 1.4rem;
  font: inherit;
  font-weight: 600;
  text-decoration: none;
  text-align: center;
  overflow-wrap: anywhere;
  max-width: 100%;
  border-radius: 10px;
  border: 1px solid var(--edge);
  background: var(--card);
  color: var(--ink);
  cursor: pointer;
}
button:hover, .button:hover { background: var(--tint); color: var(--ink); }
button.primary, .button.primary { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
button.primary:hover,
.button.primary:hover {
  background: var(--accent-strong);
  border-color: var(--accent-strong);
  color: var(--on-accent);
}
button.plain {
  min-height: 0;
  padding: 0;
  border: 0;
  background: none;
  color: var(--accent);
  font-weight: 400;
  text-decoration: underline;
  text-underline-offset: 0.18em;
}
button.plain:hover { color: var(--accent-strong); background: none; }
.full { width: 100%; }
.center { text-align: center; }

.note { border: 1px solid var(--line); background: var(--tint); border-radius: 10px; padding: 0.8rem 1rem; font-size: 0.9688rem; }
.note.warn { color: var(--warn-ink); background: var(--warn-ground); border-color: var(--warn-line); }
.note.bad { color: var(--bad-ink); background: var(--bad-ground); border-color: var(--bad-line); }

.app { display: flex; gap: 0.9rem; align-items: center; }
.app .letter {
  flex: none;
  width: 3rem;
  height: 3rem;
  display: grid;
  place-items: center;
  border-radius: 12px;
  background: var(--tint);
  color: var(--accent);
  font-size: 1.35rem;
  font-weight: 650;
}
.app .name { font-weight: 650; font-size: 1.125rem; line-height: 1.3; overflow-wrap: anywhere; }
.app .domain { font-size: 0.9375rem; color: var(--soft); overflow-wrap: anywhere; }
.facts { display: grid; grid-template-columns: max-content 1fr; gap: 0.35rem 1rem; font-size: 0.9688rem; }
.facts dt { color: var(--soft); }
.facts dd { font-weight: 600; overflow-wrap: anywhere; }
.facts dd form { display: inline; font-weight: 400; margin-left: 0.4rem; }

.people { list-style: none; display: grid; gap: 0.6rem; }
.people button { width: 100%; justify-content: flex-start; text-align: left; padding: 0.85rem 1rem; gap: 0.9rem; }
.people .letter {
  flex: none;
  width: 2.5rem;
  height: 2.5rem;
  display: grid;
  place-items: center;
  border-radius: 50%;
  background: var(--tint);
  color: var(--accent);
  font-weight: 650;
}
.people .who { display: block; overflow-wrap: anywhere; }
.people .more { display: block; font-weight: 400; font-size: 0.9375rem; color: var(--soft); }

fieldset { border: 0; min-width: 0; }
legend { padding: 0; font-weight: 650; }
.group + .group { margin-top: 1.5rem; }
.group > legend { font-size: 0.9375rem; color: var(--soft); margin-bottom: 0.4rem; }
.rows { border: 1px solid var(--line); border-radius: 12px; overflow: hidden; }
.row { position: relative; }
.row + .row { border-top: 1px solid var(--line); }
.tick { display: grid; grid-template-columns: 1.5rem 1fr; gap: 0.1rem 0.75rem; padding: 0.75rem 1rem; cursor: pointer; }
.tick:hover { background: var(--tint); }
.tick input, .part input { width: 1.25rem; height: 1.25rem; margin: 0.15rem 0 0; accent-color: var(--accent); }
.tick .title { font-weight: 600; overflow-wrap: anywhere; }
.tick .detail { grid-column: 2; color: var(--soft); font-size: 0.9375rem; line-height: 1.45; }
.kinds { padding: 0 1rem 0.8rem 3.25rem; }
.kinds summary { cursor: pointer; color: var(--accent); font-size: 0.9375rem; }
.kinds .hint { font-size: 0.9375rem; color: var(--soft); margin: 0.4rem 0; }
.part { display: grid; grid-template-columns: 1.5rem 1fr; gap: 0.75rem; padding: 0.3rem 0; font-size: 0.9688rem; cursor: pointer; }
.row:has(> .tick input:not(:checked)) .kinds { opacity: 0.55; }
.plainlist { padding-left: 1.2rem; }
.plainlist li + li { margin-top: 0.25rem; }

.actions { display: grid; grid-template-columns: 1fr 1fr; gap: 0.75rem; }
.actions.bar {
  position: sticky;
  bottom: 0;
  margin: 1.5rem -2rem -2rem;
  padding: 1rem 2rem;
  background: var(--card);
  border-top: 1px solid var(--line);
  border-radius: 0 0 var(--radius) var(--radius);
}
textarea { resize: vertical; }
textarea:focus-visible { outline-offset: 0; border-color: var(--accent); border-radius: 10px; }
label.field + input + .small, label.field + textarea + .small { margin-top: 0.375rem; }
.note > .plainlist { margin-top: 0.5rem; }
fieldset > legend + .rows { margin-top: 0.5rem; }
.choices .tick { align-items: center; }
.choices .tick input { margin: 0; }
h3 { margin: 0; font-size: 1.125rem; line-height: 1.3; font-weight: 650; overflow-wrap: anywhere; }
.entry > * + * { margin-top: 0.9rem; }
.entry + .entry { border-top: 1px solid var(--line); padding-top: 1.25rem; }
.sessions { list-style: none; display: grid; gap: 0.6rem; font-size: 0.9688rem; }
.sessions .name { display: block; font-weight: 600; }
.sessions .when { display: block; font-size: 0.9375rem; color: var(--soft); }
.facts dd.see, .facts dd.change { font-weight: 400; }
@media (max-width: 30rem) {
  .top { padding: 1.25rem 1rem 1rem; }
  main { padding: 0 0.6rem 1rem; }
  .card { padding: 1.35rem 1.15rem; }
  .actions.bar { margin: 1.25rem -1.15rem -1.35rem; padding: 0.85rem 1.15rem; }
  .facts { grid-template-columns: 1fr; gap: 0; }
  .facts dd + dt { margin-top: 0.5rem; }
  .kinds { padding-left: 1rem; }
  h1 { font-size: 1.4375rem; }
  button, .button { padding-inline: 0.8rem; }
}
@media (forced-colors: active) { .rows, .card, .note { border: 1px solid; } }
@media print { .actions { display: none; } }
)css";

constexpr std::string_view kSmartStyle =
    R"json({
  "color_background":"#f4f6f4",
  "color_error":"#8c1d18",
  "color_highlight":"#0b6158",
  "color_modal_backdrop":"#1a2421",
  "color_success":"#0b6158",
  "color_text":"#1a2421",
  "dim_border_radius":"10px",
  "dim_font_size":"17px",
  "dim_spacing_size":"20px",
  "font_family_body":"system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif",
  "font_family_heading":"system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif"
})json";

std::string hashed(std::string_view stem, std::string_view content, std::string_view extension) {
  const Hash256 hash = crypto::sha256(content);
  return std::string(stem).append(1, '-').append(codec::to_hex(as_view(hash).substr(0, 8))).append(extension);
}

}  // namespace

std::string_view stylesheet() noexcept { return kCss; }
const std::string& stylesheet_name() {
  static const std::string name = hashed("style", kCss, ".css");
  return name;
}
std::string_view smart_style() noexcept { return kSmartStyle; }
const std::string& smart_style_name() {
  static const std::string name = hashed("smart-style", kSmartStyle, ".json");
  return name;
}

}  // namespace mitral::web
