// What pages do with JavaScript, beside what they do without it.
"use strict";

const said = document.getElementById("said");
const say = (text) => { if (said) said.textContent = text; };

// Buttons that copy: they are there only where copying is possible.
if (navigator.clipboard) {
  for (const button of document.querySelectorAll("button[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(button.dataset.copy);
        button.classList.add("copied");
        say("Copied.");
        setTimeout(() => button.classList.remove("copied"), 1500);
      } catch {
        say("The browser did not let it be copied.");
      }
    });
  }
}

// Parts that show what comes in are read anew every few seconds, for as long as the page
// is seen. The server renders them: they are taken out of a page that it sends.
for (const part of document.querySelectorAll("[data-live]")) {
  part.classList.add("is-live");
  const look = () => {
    if (document.hidden) return again();
    const request = new XMLHttpRequest();
    request.open("GET", part.dataset.live);
    request.responseType = "document";
    request.onload = () => {
      const next = request.status === 200 && request.response?.getElementById(part.id);
      if (!next) {
        if (request.status === 429 || request.status >= 500) return again();
        return part.classList.remove("is-live"); // the session has ended
      }
      const open = part.querySelector("details")?.open;
      if (!part.contains(document.activeElement)) {
        part.replaceChildren(...document.importNode(next, true).childNodes);
        if (open) part.querySelector("details")?.setAttribute("open", "");
      }
      if (next.dataset.said !== part.dataset.said) say((part.dataset.said = next.dataset.said));
      again();
    };
    request.onerror = again;
    request.send();
  };
  const again = () => setTimeout(look, 2500);
  again();
}

// The secret of a link stands behind the # of its address, which the browser does not
// send. It goes into the form, and out of the address.
const field = document.querySelector("[data-code]");
if (field && location.hash.length > 1 && location.hash.startsWith("#" + field.dataset.code)) {
  field.querySelector("input").value = location.hash.slice(1);
  field.hidden = true;
  for (const text of document.querySelectorAll("[data-with-code]")) text.hidden = false;
  history.replaceState(null, "", location.pathname + location.search);
}

// What is wrong with a form is read first.
document.querySelector("main [role=alert]")?.focus();
