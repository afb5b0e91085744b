/* What the pages of imports share: their texts, elements, and how they ask the service. Whatever comes
   from a file or a user is set as textContent. */
(function () {
  "use strict";
  const zhoubian = (window.zhoubian = window.zhoubian || {});
  let words = {};

  zhoubian.el = function (id) { return document.getElementById(id); };

  /* An element with a class and a text, inside another. */
  zhoubian.put = function (parent, name, look, text) {
    const made = document.createElement(name);
    if (look) { made.className = look; }
    if (text !== undefined && text !== null) { made.textContent = String(text); }
    parent.appendChild(made);
    return made;
  };

  zhoubian.say = function (code, facts) {
    return words[code].replace(/\{(\w+)\}/g, function (_, name) { return String(facts[name]); });
  };

  zhoubian.number = function (value) { return Number(value).toLocaleString("en-US").replace(/,/g, "\u2009"); };

  zhoubian.loadTexts = function () {
    return fetch(zhoubian.el("zb-source").dataset.texts, { credentials: "same-origin" })
      .then(function (answer) { return answer.json(); })
      .then(function (told) { words = told; });
  };

  /* The answer with `status`; a service that does not answer, or not in JSON, is told too. */
  zhoubian.ask = function (address, options) {
    const asked = Object.assign({ credentials: "same-origin" }, options);
    asked.headers = Object.assign({ "X-Zhoubian": "1" }, asked.headers);
    return fetch(address, asked).then(function (answer) {
      return answer.json().then(function (told) { return { ok: answer.ok, status: answer.status, told: told }; });
    }).catch(function () {
      return { ok: false, status: 0, told: { error: { code: "no_answer", message: zhoubian.say("no_answer"), hint: "" } } };
    });
  };

  zhoubian.send = function (address, value) {
    return zhoubian.ask(address, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(value) });
  };

  zhoubian.sentence = function (error) {
    const stop = document.documentElement.lang === "en" ? "; " : "；";
    return error.hint ? error.message + stop + error.hint : error.message;
  };

  zhoubian.showFault = function (element, error) {
    element.textContent = error ? zhoubian.sentence(error) : "";
    element.hidden = !error;
  };
})();
