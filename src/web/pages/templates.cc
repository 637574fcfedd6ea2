#include "web/pages/templates.h"

namespace mitral::web::templates {

const std::string_view kLayout = R"html(<!doctype html>
<html lang="{{lang}}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta name="color-scheme" content="light dark">
<title>{{title}} – {{org}}</title>
<link rel="stylesheet" href="{{style}}">
</head>
<body>
<a class="skip" href="#content">{{t.skip}}</a>
<header class="top">
<svg viewBox="0 0 32 32" fill="none" stroke="currentColor" stroke-width="2.4" stroke-linecap="round"
aria-hidden="true" focusable="false"><circle cx="16" cy="16" r="13.2"/>
<path d="M5.5 12.5c6 .4 9.3 3.3 10.5 10 1.2-6.700 4.5-9.6 10.5-10"/></svg>
<span id="organization">{{org}}</span>
</header>
<main id="content"{{#wide}} class="wide"{{/wide}}>
{{{body}}}
</main>
{{#foot}}<footer class="foot">{{foot}}</footer>{{/foot}}
</body>
</html>
)html";

const std::string_view kSignIn = R"html(<div class="card">
<div>
<h1>{{t.sign_in_title}}</h1>
<p class="lead">{{lead}}</p>
</div>
{{#again}}<p class="note">{{t.sign_in_again_lead}}</p>{{/again}}
{{#problem}}<p class="note bad" id="problem" role="alert">{{problem}}</p>{{/problem}}
<form method="post" action="{{action}}" class="stack">
<input type="hidden" name="csrf" value="{{csrf}}">
<div>
<label class="field" for="username">{{t.username}}</label>
<input type="text" id="username" name="username" value="{{username}}" autocomplete="username"
autocapitalize="none" autocorrect="off" spellcheck="false" maxlength="256"
required{{^username}} autofocus{{/username}}{{#problem}} aria-describedby="problem"{{/problem}}>
</div>
<div>
<label class="field" for="password">{{t.password}}</label>
<input type="password" id="password" name="password" autocomplete="current-password" maxlength="1024"
required{{#username}} autofocus{{/username}}{{#problem}} aria-describedby="problem"{{/problem}}>
</div>
<button class="primary full" id="sign-in" type="submit">{{t.sign_in}}</button>
</form>
{{#cancel_action}}<form method="post" action="{{cancel_action}}" class="center">
<input type="hidden" name="csrf" value="{{cancel_csrf}}">
<button class="plain" id="cancel" type="submit">{{t.cancel}}</button>
</form>
{{/cancel_action}}</div>
)html";

const std::string_view kPicker = R"html(<div class="card">
<div>
<h1>{{t.picker_title}}</h1>
<p class="lead">{{lead}}</p>
</div>
<form method="post" action="{{action}}">
<input type="hidden" name="csrf" value="{{csrf}}">
<ul class="people">
{{#people}}<li><button type="submit" name="patient" value="{{id}}" id="patient-{{id}}"><span class="letter"
aria-hidden="true">{{letter}}</span><span><span class="who">{{display}}</span><span class="more">{{more}}</span></span></button></li>
{{/people}}</ul>
</form>
<form method="post" action="{{cancel_action}}" class="center">
<input type="hidden" name="csrf" value="{{cancel_csrf}}">
<button class="plain" id="cancel" type="submit">{{t.cancel}}</button>
</form>
</div>
)html";

const std::string_view kConsent = R"html(<div class="card">
<div>
<h1>{{heading}}</h1>
{{#lead}}<p class="lead">{{lead}}</p>{{/lead}}
</div>
<div class="app">
<span class="letter" aria-hidden="true">{{app_letter}}</span>
<div>
<p class="name" id="app-name">{{app}}</p>
<p class="domain" id="app-domain">{{domain}}</p>
{{#verified}}<p class="small" id="verified">{{verified}}</p>{{/verified}}
</div>
</div>
{{#unverified}}<p class="note warn" id="unverified">{{unverified}}</p>{{/unverified}}
{{#problem}}<p class="note bad" id="problem" role="alert">{{problem}}</p>{{/problem}}
<dl class="facts">
{{#record}}<dt>{{t.record_label}}</dt><dd id="record-name">{{record}}</dd>{{/record}}
<dt>{{t.signed_in_label}}</dt><dd><span id="user-name">{{user}}</span><form method="post" action="{{switch_action}}">
<input type="hidden" name="csrf" value="{{switch_csrf}}">
<button class="plain" id="switch-user" type="submit">{{t.not_you}}</button></form></dd>
<dt>{{t.duration_label}}</dt><dd id="duration">{{duration}}</dd>
</dl>
{{#proxy_note}}<p class="small" id="proxy-note">{{proxy_note}}</p>
{{/proxy_note}}<form method="post" action="{{action}}" class="stack" id="consent">
<input type="hidden" name="csrf" value="{{csrf}}">
{{#sections}}<section class="stack" aria-labelledby="{{id}}">
<h2 id="{{id}}">{{heading}}</h2>
<div>
{{#groups}}<fieldset class="group">
<legend>{{legend}}</legend>
<div class="rows">
{{#rows}}<div class="row">
<label class="tick" for="scope-{{n}}">
<input type="checkbox" id="scope-{{n}}" name="share" value="{{value}}"{{#ticked}} checked{{/ticked}}>
<span class="title">{{title}}</span>{{#detail}}<span class="detail">{{detail}}</span>{{/detail}}</label>
{{#kinds}}<details class="kinds"{{#open}} open{{/open}}><summary id="kinds-{{n}}">{{t.kinds_summary}}</summary>
<p class="hint">{{t.kinds_hint}}</p>
{{#parts}}<label class="part" for="scope-{{id}}">
<input type="checkbox" id="scope-{{id}}" name="share" value="{{value}}"{{#ticked}} checked{{/ticked}}><span>{{title}}</span></label>
{{/parts}}</details>
{{/kinds}}</div>
{{/rows}}</div>
</fieldset>
{{/groups}}</div>
</section>
{{/sections}}{{#has_others}}<ul class="plainlist small">
{{#others}}<li>{{text}}</li>
{{/others}}</ul>
{{/has_others}}{{#offline}}<div class="rows"><label class="tick" for="offline">
<input type="checkbox" id="offline" name="offline" value="yes"{{#offline_ticked}} checked{{/offline_ticked}}>
<span class="title">{{t.offline_title}}</span><span class="detail">{{offline_detail}}</span></label></div>
{{/offline}}{{#identity}}<p class="small" id="identity">{{identity}}</p>
{{/identity}}{{#has_links}}<p class="small">{{#links}}
<a href="{{url}}" rel="noopener noreferrer" target="_blank">{{text}}</a>
{{/links}}</p>
{{/has_links}}<div class="actions bar">
<button type="submit" id="deny" name="decision" value="deny" formnovalidate>{{t.deny}}</button>
<button type="submit" class="primary" id="allow" name="decision" value="allow">{{t.allow}}</button>
</div>
</form>
</div>
)html";

const std::string_view kError = R"html(<div class="card">
<div>
<h1 id="error-title">{{heading}}</h1>
<p class="lead" id="error-text">{{text}}</p>
</div>
{{#nothing_shared}}<p class="small">{{t.error_lead}} {{t.error_back}}</p>{{/nothing_shared}}
{{#target}}<p><a class="button" id="return" href="{{target}}">{{link}}</a></p>{{/target}}
{{#code}}<p class="small" id="error-code">{{code}}</p>{{/code}}
</div>
)html";

const std::string_view kFormPost = R"html(<div class="card">
<div>
<h1>{{t.form_post_title}}</h1>
<p class="lead">{{lead}}</p>
</div>
<form method="post" action="{{action}}" id="response">
{{#fields}}<input type="hidden" name="{{name}}" value="{{value}}">
{{/fields}}<button class="primary full" id="continue" type="submit">{{t.form_post_button}}</button>
</form>
</div>
{{#script}}<script>{{{script}}}</script>{{/script}}
)html";

const std::string_view kSignOut = R"html(<div class="card">
<div>
<h1>{{t.sign_out_title}}</h1>
<p class="lead">{{lead}}</p>
</div>
{{#signed_in}}<form method="post" action="{{action}}">
<input type="hidden" name="csrf" value="{{csrf}}">
<button class="primary full" id="sign-out" type="submit">{{t.sign_out}}</button>
</form>{{/signed_in}}
</div>
)html";

const std::string_view kSignedOut = R"html(<div class="card">
<div>
<h1 id="signed-out">{{t.signed_out_title}}</h1>
<p class="lead">{{t.signed_out_lead}}</p>
</div>
</div>
)html";

const std::string_view kHome = R"html(<div class="card">
<div>
<h1>{{t.home_title}}</h1>
<p class="lead">{{t.home_lead}}</p>
</div>
<p><a id="account-link" href="{{account}}">{{t.home_account}}</a></p>
<p><a id="sign-out-link" href="{{sign_out}}">{{t.home_sign_out}}</a></p>
</div>
)html";

// Named apart from the "submit" button so that form.submit stays the method.
const std::string_view kFormPostScript = "document.getElementById('response').submit()";

}  // namespace mitral::web::templates
