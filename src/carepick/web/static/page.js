// Makes the page smoother; everything that matters works without it. What was typed stays in this page's memory.
"use strict";

const shown = [document.getElementById("main")]; // one entry for each step back in the history

function show(number, main) {
  shown[number] = main;
  document.getElementById("main").replaceWith(main);
  const heading = main.querySelector("h1[tabindex]");
  (heading || main).focus({ preventScroll: true });
  scrollTo(0, 0);
}

function adopt(page) {
  document.title = page.title;
  document.documentElement.lang = page.documentElement.lang;
  for (const part of ["header", "footer", ".skip"]) {
    document.querySelector(part).replaceWith(page.querySelector(part));
  }
  const number = (history.state || 0) + 1;
  history.pushState(number, ""); // the address stays as it is: nothing that was typed goes into it
  show(number, page.getElementById("main"));
  unlock();
}

function complain(sentence) {
  const problem = document.getElementById("problem");
  problem.textContent = sentence;
  problem.scrollIntoView({ block: "center" });
}

async function send(form, button) {
  const ask = document.getElementById("ask");
  const label = button.textContent;
  complain("");
  document.body.setAttribute("aria-busy", "true");
  if (button.dataset.busy) button.textContent = button.dataset.busy;
  try {
    const answer = await fetch(form.action, { method: "POST", body: new FormData(form, button) });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (answer.ok) adopt(page);
    else complain(page.getElementById("problem")?.textContent || ask.dataset.offline);
  } catch {
    complain(ask.dataset.offline);
  } finally {
    document.body.removeAttribute("aria-busy");
    if (button.dataset.busy) button.textContent = label;
  }
}

function unlock() {
  const written = document.getElementById("written");
  if (!written) return;
  written.querySelector("dd").textContent = new Date().toLocaleString(document.documentElement.lang);
  written.hidden = false;
  const tools = document.querySelector(".tools");
  tools.hidden = false;
  tools.querySelector("[data-do=copy]").hidden = !navigator.clipboard;
}

const tools = {
  print: () => print(),
  async copy(button) {
    await navigator.clipboard.writeText(document.getElementById("sheet").innerText);
    button.querySelector("span").textContent = button.dataset.done;
  },
};

document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-swap]")) return;
  event.preventDefault();
  if (!document.body.hasAttribute("aria-busy")) send(event.target, event.submitter);
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-text], [data-do]");
  if (!button) return;
  if (button.dataset.do) return tools[button.dataset.do](button);
  event.preventDefault();
  const text = document.getElementById("text");
  text.value = button.dataset.text;
  text.focus();
});

addEventListener("popstate", () => {
  const number = history.state || 0;
  if (shown[number]) show(number, shown[number]);
});

history.replaceState(0, "");
unlock();
