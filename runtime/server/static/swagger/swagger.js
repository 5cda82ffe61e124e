"use strict";
// Lists the operations of the OpenAPI document that the server makes of its routes and messages.

function make(name, members, ...children) {
  const made = Object.assign(document.createElement(name), members);
  made.append(...children);
  return made;
}

function operation(path, method, one, schemas) {
  const body = one.requestBody && one.requestBody.content["application/json"].schema;
  const parameters = (one.parameters || []).map((given) => `${given.name} (${given.in}): ${given.description || given.schema.type || ""}`);
  const parts = [make("summary", {}, make("b", {}, method.toUpperCase()), ` ${path} `, one.summary || "")];
  if (parameters.length) parts.push(make("ul", {}, ...parameters.map((text) => make("li", {}, text))));
  if (body) {
    const members = body.oneOf ? body.oneOf.map((ref) => schemas[ref.$ref.split("/").pop()]) : body;
    parts.push(make("pre", {}, JSON.stringify(members, null, 2)));
  }
  return make("details", {}, ...parts);
}

fetch("../../unsecured/spec.json").then((reply) => reply.json()).then((spec) => {
  const found = Object.entries(spec.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, one]) => operation(path, method, one, spec.components.schemas)));
  document.getElementById("main").replaceChildren(...found);
}).catch((error) => {
  const fault = document.getElementById("fault");
  fault.textContent = error.message;
  fault.hidden = false;
});
