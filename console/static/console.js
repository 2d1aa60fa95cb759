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

// What is wrong with a form is read first.
document.querySelector("main [role=alert]")?.focus();
