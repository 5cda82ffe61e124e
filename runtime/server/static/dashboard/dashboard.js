"use strict";
// A page over the server's own API. What is shown is set as text, never as markup: titles and errors are others' words.

const main = document.getElementById("main");
const token = document.getElementById("token");
const fault = document.getElementById("fault");
const PARENT = "_utask_parent_task_id"; // the tag of a task that a step of another one started
const FINAL = new Set(["DONE", "CANCELLED", "WONTFIX"]);
let shown = 0; // counts what was shown, so that what is late is dropped

token.value = sessionStorage.getItem("token") || "";
token.addEventListener("change", () => { sessionStorage.setItem("token", token.value); show(); });
window.addEventListener("hashchange", show);

function credentials() {
  return token.value ? { Authorization: `Bearer ${token.value}` } : {};
}

async function ask(path, method = "GET", body) {
  const reply = await fetch(`../../${path}`, {
    method,
    headers: { ...credentials(), ...(body === undefined ? {} : { "Content-Type": "application/json" }) },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await reply.text();
  const document_ = text && reply.headers.get("Content-Type").includes("json") ? JSON.parse(text) : text;
  if (!reply.ok) throw new Error(document_.error || `the server answered ${reply.status}`);
  return { document: document_, link: reply.headers.get("Link") };
}

function make(name, members = {}, ...children) {
  const made = Object.assign(document.createElement(name), members);
  made.append(...children.filter((one) => one !== null && one !== undefined));
  return made;
}

const link = (path, text) => make("a", { href: `#/${path}` }, text);
const badge = (state) => make("span", { className: `state ${state}` }, state);
const when = (text) => (text ? new Date(text).toLocaleString() : "");
const pretty = (value) => make("pre", {}, JSON.stringify(value, null, 2));

function table(head, rows) {
  const cells = (row, kind) => make("tr", {}, ...row.map((cell) => make(kind, {}, cell)));
  return make("table", {}, make("thead", {}, cells(head, "th")), make("tbody", {}, ...rows.map((row) => cells(row, "td"))));
}

function button(text, action) {
  return make("button", { type: "button", onclick: () => attempt(async () => { await action(); await show(); }) }, text);
}

async function attempt(action) {
  fault.hidden = true;
  try {
    await action();
  } catch (error) {
    fault.textContent = error.message;
    fault.hidden = false;
  }
}

async function tasks(query) {
  const filter = make("form", { onsubmit: (event) => {
    event.preventDefault();
    const wanted = [...new FormData(event.target)].filter(([, value]) => value);
    location.hash = `#/?${new URLSearchParams(wanted)}`;
  } });
  for (const [name, hint] of [["state", "state"], ["template", "template"], ["tag", "tag: name=value"]]) {
    filter.append(make("input", { name, placeholder: hint, value: query.get(name) || "" }));
  }
  const kinds = ["all", "own", "resolvable"].map((kind) =>
    make("option", { value: kind, selected: query.get("type") === kind }, kind));
  filter.append(make("select", { name: "type" }, ...kinds), make("button", {}, "Show"));
  const page = new URLSearchParams({ page_size: "100", type: "all" });
  for (const [name, value] of query) page.set(name, value);
  const { document: found, link: next } = await ask(`task?${page}`);
  const rows = found.map((one) => [
    link(`task/${encodeURIComponent(one.id)}`, one.title), badge(one.state), `${one.steps_done}/${one.steps_total}`,
    one.template_name, one.requester_username || "", one.resolver_username || "", when(one.last_activity),
  ]);
  const more = next && /[?&]last=([^&>]*)/.exec(next);
  if (more) query.set("last", decodeURIComponent(more[1]));
  return [filter, table(["Task", "State", "Steps", "Template", "Requester", "Resolver", "Last activity"], rows),
    more ? link(`?${query}`, "More") : null];
}

async function task(id) {
  const path = `task/${encodeURIComponent(id)}`;
  const { document: one } = await ask(path);
  const parts = [make("h2", {}, one.title, " ", badge(one.state)),
    make("p", {}, `${one.template_name}, asked for by ${one.requester_username || "nobody"} ${when(one.created)}`)];
  const actions = make("div", { className: "actions" });
  parts.push(actions);
  if (one.waits_for) parts.push(make("h3", {}, "Waits for"), make("ul", {}, ...one.waits_for.map((text) => make("li", {}, text))));
  const parent = one.tags && one.tags[PARENT];
  parts.push(make("p", {}, ...(parent ? ["Started by ", link(`task/${encodeURIComponent(parent)}`, parent), ". "] : []),
    link(`?tag=${encodeURIComponent(`${PARENT}=${id}`)}`, "Tasks that it started")));
  if (one.tags) parts.push(make("h3", {}, "Tags"), pretty(one.tags));
  parts.push(make("h3", {}, "Inputs"), pretty(one.input));
  if (one.state === "DONE" && one.result) parts.push(make("h3", {}, "Result"), pretty(one.result));
  if (one.resolution) {
    const execution = `resolution/${encodeURIComponent(one.resolution)}`;
    const { document: run } = await ask(execution);
    parts.push(make("h3", {}, "Execution ", badge(run.state)),
      make("p", {}, `run ${run.run_count} of ${run.run_max}, by ${run.resolver_username || "nobody"}`,
        run.last_start ? `; began ${when(run.last_start)}` : "", run.last_stop ? `, ended ${when(run.last_stop)}` : "",
        run.next_retry ? `; again ${when(run.next_retry)}` : ""));
    const interrupt = (step) => button("interrupt", () =>
      ask(`${execution}/step/${encodeURIComponent(step.name)}/interrupt`, "POST", { attempt: step.attempt }));
    parts.push(table(["Step", "State", "Tries", "What came of it", ""], Object.values(run.steps || {}).map((step) => [
      step.name, badge(step.state), String(step.try_count || 0),
      step.error ? make("pre", {}, step.error) : step.output === undefined ? "" : pretty(step.output),
      step.attempt ? interrupt(step) : ""])));
    if (!FINAL.has(one.state)) {
      for (const verb of ["run", "pause", "extend", "cancel"]) actions.append(button(verb, () => ask(`${execution}/${verb}`, "POST")));
    }
  } else if (one.state === "TODO") {
    actions.append(button("resolve", () => ask("resolution", "POST", { task_id: id })),
      button("reject", () => ask(`${path}/wontfix`, "POST")));
  }
  const words = make("input", { placeholder: "Comment", minLength: 3, required: true });
  parts.push(make("h3", {}, "Comments"), ...(one.comments || []).map((said) =>
    make("p", {}, make("b", {}, said.username || "nobody"), ` ${when(said.created)}: ${said.content}`)),
    make("form", { onsubmit: (event) => {
      event.preventDefault();
      attempt(async () => { await ask(`${path}/comment`, "POST", { content: words.value }); await show(); });
    } }, words, make("button", {}, "Say")));
  return parts;
}

async function flows(query) {
  const page = new URLSearchParams({ page_size: "100" });
  for (const [name, value] of query) page.set(name, value);
  const { document: found, link: next } = await ask(`v1/flows?${page}`);
  const rows = found.map((one) => [
    link(`flow/${encodeURIComponent(one.id)}`, one.name), badge(one.status), String(one.steps), one.owner,
    one.created_by_id, when(one.changed_at * 1000),
  ]);
  const more = next && /[?&]last=([^&>]*)/.exec(next);
  if (more) query.set("last", decodeURIComponent(more[1]));
  return [table(["Flow", "Status", "Steps", "Owner", "Asked for by", "Last activity"], rows),
    more ? link(`flows?${query}`, "More") : null];
}

async function question(path, step) {
  const { document: asked } = await ask(`${path}/approval`);
  const note = make("input", { placeholder: "Note" });
  const answers = ["approve", "deny", "deny-skip-current", "deny-skip-current-and-dependents", "retry"].map((response) =>
    button(response, () => ask(`${path}/respond`, "POST", { response, note: note.value })));
  const until = `until ${when(asked.expires_at * 1000)}`;
  const { warn_violations: warnings = [], policy_error: broken } = step.status.metadata;
  const found = warnings.map((one) => `${one.policy_id}: ${one.message}`);
  if (broken) found.push(`not checked: ${broken}`);
  return [make("h3", {}, `${step.name} asks, ${until}`), ...found.map((one) => make("p", {}, one)), pretty(asked.contents),
    make("div", { className: "actions" }, note, ...answers)];
}

async function flow(id) {
  const path = `v1/flows/${encodeURIComponent(id)}`;
  const { document: one } = await ask(path);
  const of = (step) => `${path}/steps/${encodeURIComponent(step.id)}`;
  const actions = make("div", { className: "actions" });
  if (!one.ended) {
    if (one.mode === "group") actions.append(button(one.paused ? "unpause" : "pause", () => ask(`${path}/${one.paused ? "unpause" : "pause"}`, "POST")));
    actions.append(button("cancel", () => ask(`${path}/cancel`, "POST")));
  }
  if (one.status.status === "pending" && !one.turn) actions.append(button("start", () => ask(`${path}/start`, "POST")));
  for (const group of one.groups.filter((each) => each.may_retry)) {
    const member = one.steps.find((step) => step.group_id === group.id);
    if (member) actions.append(button(`retry ${group.name}`, () => ask(`${of(member)}/retry-group`, "POST")));
  }
  const mend = (step) => make("span", {}, ...["retry", "skip"].filter((verb) => step[`may_${verb}`]).map((verb) =>
    button(verb, () => ask(`${of(step)}/${verb}`, "POST"))),
  step.attempt ? button("interrupt", () => ask(`${of(step)}/interrupt`, "POST", { attempt: step.attempt })) : null);
  const groups = Object.fromEntries(one.groups.map((group) => [group.id, group.name]));
  const rows = one.steps.map((step) => [groups[step.group_id] || "", step.name, badge(step.status.status),
    step.not_before ? `again ${when(step.not_before * 1000)}` : step.queued ? `waits for ${step.queued}`
      : step.status.metadata.reason || step.status.status_human_description, mend(step)]);
  const questions = await Promise.all(one.steps.filter((step) => step.waits).map((step) => question(of(step), step)));
  return [make("h2", {}, one.name, " ", badge(one.status.status)),
    make("p", {}, `${one.type}, asked for by ${one.created_by_id} ${when(one.created_at * 1000)}`),
    one.error ? make("p", {}, `${one.error} (${one.status.status_human_description})`) : null, actions, ...questions.flat(),
    table(["Group", "Step", "Status", "Why", ""], rows)];
}

async function templates() {
  const { document: found } = await ask("template");
  return [table(["Template", "What it does"], found.map((one) => [link(`?template=${encodeURIComponent(one.name)}`, one.name), one.description || ""]))];
}

async function stats() {
  const { document: counted } = await ask("unsecured/stats");
  return [table(["State", "Tasks"], Object.entries(counted.task_states).map(([state, count]) => [link(`?state=${state}`, state), String(count)])),
    counted.age_seconds ? make("p", {}, `Counted ${Math.round(counted.age_seconds)} s ago.`) : null];
}

async function show() {
  const mine = ++shown;
  const [path, query] = location.hash.replace(/^#\//, "").split("?");
  await attempt(async () => {
    const { document: meta } = await ask("meta");
    document.getElementById("application").textContent = meta.application_name || "Tasks";
    document.getElementById("user").textContent = meta.username + (meta.user_is_admin ? " (administrator)" : "");
    let parts;
    if (path.startsWith("task/")) parts = await task(decodeURIComponent(path.slice(5)));
    else if (path.startsWith("flow/")) parts = await flow(decodeURIComponent(path.slice(5)));
    else if (path === "flows") parts = await flows(new URLSearchParams(query || ""));
    else if (path === "templates") parts = await templates();
    else if (path === "stats") parts = await stats();
    else parts = await tasks(new URLSearchParams(query || ""));
    if (mine === shown) main.replaceChildren(...parts.filter((one) => one !== null));
  });
}

show();
setInterval(() => { if (!document.hidden && !main.contains(document.activeElement)) show(); }, 5000);
