"use strict";
// Both pictures appear together, keys choose, one answer a page, the time from sight to choice;
// then the next pair's pictures are fetched. Without this script the page works by clicking.
const form = document.getElementById("pair");
const stage = document.getElementById("stage");
const message = document.getElementById("message");
let since = null;
let sent = false;

stage.classList.add("waiting");
const images = [...stage.querySelectorAll("img")];
Promise.all(images.map((image) => image.decode())).then(() => {
  stage.classList.remove("waiting");
  requestAnimationFrame(() => { since = performance.now(); document.body.dataset.ready = "yes"; });
  for (const url of document.getElementById("coming").dataset.images.split(" ").filter(Boolean)) {
    new Image().src = url;
  }
}, () => {
  message.textContent = "A picture did not load. Check your connection; ";
  const again = document.createElement("a");
  again.href = "";
  again.textContent = "try again";
  message.append(again);
});

form.addEventListener("submit", (event) => {
  if (sent || since === null) {
    event.preventDefault();
    return;
  }
  sent = true;
  form.elements.seconds.value = ((performance.now() - since) / 1000).toFixed(3);
  if (form.elements.pixels) {
    const widths = [...stage.querySelectorAll("img.made, .made img")].map((image) => image.getBoundingClientRect().width);
    form.elements.pixels.value = Math.round(Math.min(...widths) * devicePixelRatio);
  }
  message.textContent = "Storing …";
});

const sides = { ArrowLeft: "left", ArrowRight: "right" };
document.addEventListener("keydown", (event) => {
  const side = sides[event.key];
  if (!side || event.repeat || event.altKey || event.ctrlKey || event.metaKey) return;
  const button = form.querySelector(`button[name=choice][value=${side}]`);
  if (button) {
    event.preventDefault();
    form.requestSubmit(button);
  }
});

// A page brought back by the browser may be answered again; the server keeps the first answer.
window.addEventListener("pageshow", (event) => { if (event.persisted) { sent = false; message.textContent = ""; } });
