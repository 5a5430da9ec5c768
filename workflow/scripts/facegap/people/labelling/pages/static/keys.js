// Keys press the buttons that carry them; the time a face was looked at goes with its answer.
"use strict";
const began = performance.now();
let sent = false;
document.addEventListener("submit", (event) => {
  if (sent) { event.preventDefault(); return; }
  sent = true;
  const field = event.target.elements.namedItem("seconds");
  if (field) field.value = ((performance.now() - began) / 1000).toFixed(2);
});
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
  const digit = /^Digit(\d)$/.exec(event.code) || /^Numpad(\d)$/.exec(event.code);
  const key = digit ? digit[1] : event.key.toLowerCase();
  const button = document.querySelector(`[data-key="${CSS.escape(key)}"]`);
  if (!button) return;
  event.preventDefault();
  const tentative = document.querySelector("#tentative");
  if (tentative && event.shiftKey) tentative.checked = true;
  button.click();
});
window.addEventListener("pageshow", () => { sent = false; });
