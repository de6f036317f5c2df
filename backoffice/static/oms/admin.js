/* What htmx does not do by itself on our pages: opening the dialog, saying that a check takes a while, copying. */
"use strict";
(() => {
    const dialog = () => document.getElementById("oms-dialog");

    // --- htmx -------------------------------------------------------------------------------------------
    document.addEventListener("htmx:beforeRequest", ({ detail }) => {
        if (detail.target?.dataset.omsBusy) {
            detail.target.textContent = detail.target.dataset.omsBusy;
        }
        // On a phone the buttons of a page stand in a menu, which would cover the answer.
        const menu = detail.elt.closest(".oms-press") && window.Alpine?.$data(detail.elt);
        if (menu && "showActions" in menu) {
            menu.showActions = false;
        }
    });

    // Who was signed out is told that a form was not sent, and only of a form.
    document.addEventListener("htmx:configRequest", ({ detail }) => {
        if (detail.verb === "post" && detail.triggeringEvent?.type === "submit") {
            detail.headers["OMS-Sent"] = "1";
        }
    });

    document.addEventListener("htmx:afterSwap", ({ detail }) => {
        if (detail.target !== dialog()) {
            return;
        }
        if (!dialog().firstElementChild) { // another page than the one asked for: the session ended, say
            plainly(detail.requestConfig.elt);
            return;
        }
        if (!dialog().open) {
            dialog().showModal();
        }
        const wrong = dialog().querySelector(".oms-error");
        const field = wrong?.parentElement.querySelector("input:not([type=hidden])");
        (field || dialog().querySelector("input[type=radio]:checked") || dialog().querySelector("button")).focus();
    });

    // The plain way, without htmx, shows what is wrong.
    function plainly(element) {
        if (element.matches("form[action]")) {
            element.submit();
        } else if (element.matches("a[href]")) {
            location.assign(element.href);
        }
    }
    // What tells how far something is asks again where one answer was lost, a while longer each time.
    function again(element) {
        const times = Number(element.dataset.omsAgain) + 1;
        if (times <= 5) {
            element.dataset.omsAgain = times;
            const options = { source: element, target: element.getAttribute("hx-target") };
            setTimeout(() => htmx.ajax("GET", element.getAttribute("hx-get"), options), 1000 * times);
        }
    }
    ["htmx:responseError", "htmx:sendError"].forEach((name) => {
        document.addEventListener(name, ({ detail }) => {
            plainly(detail.elt);
            if (detail.elt.matches("[data-oms-again]")) {
                again(detail.elt);
            }
        });
    });

    document.addEventListener("click", (event) => {
        if (event.target === dialog() || event.target.closest("[data-oms-close]")) {
            event.preventDefault();
            dialog().close();
        }
    });

    // --- Copying a request id ---------------------------------------------------------------------------
    async function copy(button) {
        const code = button.parentElement.querySelector("code");
        try {
            await navigator.clipboard.writeText(button.dataset.omsCopy);
        } catch {
            getSelection().selectAllChildren(code); // without HTTPS there is no clipboard: ready for Ctrl-C
            document.execCommand("copy");
        }
        const before = button.textContent;
        button.textContent = button.dataset.omsCopied;
        setTimeout(() => { button.textContent = before; }, 2000);
    }

    document.addEventListener("click", (event) => {
        const button = event.target.closest("[data-oms-copy]");
        if (button) {
            copy(button);
        }
    });

    // --- The menu of exports ----------------------------------------------------------------------------
    document.addEventListener("click", (event) => {
        if (event.target.closest("[data-oms-back]")) {
            history.back();
        }
    });
    document.addEventListener("DOMContentLoaded", () => {
        document.querySelectorAll("[data-oms-back]").forEach((button) => {
            button.hidden = history.length < 2;
        });
    });
    document.addEventListener("keydown", (event) => {
        const open = event.key === "Escape" && document.querySelector("details.oms-menu[open]");
        if (open) {
            open.open = false;
            open.querySelector("summary").focus();
        }
    });

    // --- The tabs of the page of a platform -------------------------------------------------------------
    // In place, so that nothing is lost that was entered. The address follows, for a reload and for what is saved.
    function showTab(name) {
        const link = document.querySelector(`[data-oms-page-tab="${name}"]`);
        document.querySelectorAll("[data-oms-page-tab]").forEach((other) => other.removeAttribute("aria-current"));
        link.setAttribute("aria-current", "page");
        document.getElementById("oms-tabbed").dataset.omsShown = name;
        history.replaceState(history.state, "", link.href);
        const field = document.getElementById("oms-tab-field");
        if (field) {
            field.value = name;
        }
    }
    document.addEventListener("click", (event) => {
        const link = event.target.closest("[data-oms-page-tab], [data-oms-opens-tab]");
        if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey) {
            event.preventDefault();
            showTab(link.dataset.omsPageTab || link.dataset.omsOpensTab);
        }
    });
    document.addEventListener("htmx:beforeRequest", ({ detail }) => { // its answer stands there
        if (detail.target?.id === "oms-check" && document.getElementById("oms-tabbed")) {
            showTab("overview");
        }
    });

    // --- Choices of the account; all the others on request ----------------------------------------------
    // Those that are not its own are taken out of the list, unless they are chosen, until somebody wants to see them.
    function shorten(select) {
        const whole = [...select.children].map((child) => [child, [...child.children]]);
        const chosen = [...select.selectedOptions];
        const others = [...select.querySelectorAll("[data-oms-other]")].filter((option) => !chosen.includes(option));
        others.forEach((option) => option.remove());
        select.querySelectorAll("optgroup:empty").forEach((group) => group.remove());
        const button = document.createElement("button");
        button.type = "button";
        button.className = "oms-quiet-button oms-show-all";
        button.textContent = select.dataset.omsShowAll;
        button.addEventListener("click", () => {
            const now = [...select.selectedOptions];
            whole.forEach(([child, options]) => {
                if (options.length) {
                    child.replaceChildren(...options);
                }
                select.append(child);
            });
            select.querySelectorAll("option").forEach((option) => { option.selected = now.includes(option); });
            button.remove();
            (select.nextElementSibling?.querySelector("[tabindex], input") || select).focus();
        });
        if (others.length) { // below the frame that the arrow of a list stands in
            const frame = select.parentElement;
            (frame.classList.contains("relative") ? frame : select).after(button);
        }
    }
    document.addEventListener("DOMContentLoaded", () => {
        document.querySelectorAll("select[data-oms-show-all]").forEach(shorten);
    });

    // --- Hints and links that follow from what is chosen in a field -------------------------------------
    document.addEventListener("change", ({ target }) => {
        document.querySelectorAll(`[data-oms-follows="${target.name}"]`).forEach((follower) => {
            const fact = target.selectedOptions?.[0]?.dataset[follower.dataset.omsFact];
            if (follower.tagName === "A") {
                follower.host = fact || follower.host;
            } else {
                follower.dataset.omsOtherwise ??= follower.textContent;
                follower.textContent = fact || follower.dataset.omsOtherwise;
            }
        });
    });
})();
