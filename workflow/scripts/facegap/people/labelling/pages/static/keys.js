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
  if (key === "enter" && event.target.closest("a, button")) return; // it does what it is for
  const button = document.querySelector(`[data-key="${CSS.escape(key)}"]`);
  if (!button || button.disabled) return;
  event.preventDefault();
  const tentative = document.querySelector("#tentative");
  if (tentative && event.shiftKey) tentative.checked = true;
  button.click();
});
const grid = document.querySelector("#grid");
if (grid) {
  const boxes = [...grid.querySelectorAll("input")];
  const keep = document.querySelector("#keep"), lost = document.querySelector("#lost");
  keep.disabled = true; // a face that was not seen is no answer
  Promise.all([...grid.querySelectorAll("img")].map((image) => image.decode()))
    .then(() => { keep.disabled = false; }, () => { lost.hidden = false; });
  boxes[0].focus();
  grid.addEventListener("keydown", (event) => {
    const at = boxes.indexOf(document.activeElement);
    const columns = getComputedStyle(grid).gridTemplateColumns.split(" ").length;
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns };
    const next = boxes[at + steps[event.key]];
    if (!next) return;
    event.preventDefault();
    next.focus();
  });
}
window.addEventListener("pageshow", () => { sent = false; });
