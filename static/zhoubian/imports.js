/* The history of imports: one is taken back after a question, and after another question where draws
   were made from its rows. */
(function () {
  "use strict";
  const zhoubian = window.zhoubian;
  const el = zhoubian.el;
  const dialog = el("zb-ask");
  let agreed = null;

  function question(words, yes, then) {
    el("zb-question").textContent = words;
    el("zb-yes").textContent = yes;
    agreed = then;
    if (!dialog.open) { dialog.showModal(); }
  }

  function undo(button, anyway) {
    button.disabled = true;
    zhoubian.send(button.dataset.undo, { anyway: anyway }).then(function (answer) {
      const error = answer.told.error;
      if (!error) {
        window.location.reload();
        return;
      }
      button.disabled = false;
      if (error.code === "batch_needed") {
        question(zhoubian.sentence(error), zhoubian.say("undo_anyway"), function () { undo(button, true); });
        return;
      }
      zhoubian.showFault(el("zb-fault"), error);
    });
  }

  zhoubian.loadTexts().then(function () {
    Array.prototype.forEach.call(document.querySelectorAll(".zb-undo"), function (button) {
      button.addEventListener("click", function () {
        question(zhoubian.say("undo_ask", { source: button.dataset.source }), zhoubian.say("undo"), function () { undo(button, false); });
      });
    });
    el("zb-yes").addEventListener("click", function () {
      dialog.close();
      agreed();
    });
    el("zb-no").addEventListener("click", function () { dialog.close(); });
    document.body.dataset.ready = "yes";
  });
})();
