/* Small comforts of the platform and sync pages. Each page works without them, by plain forms and links. */
"use strict";
(() => {
    const here = () => location.pathname + location.search;

    // --- "Sync from Amazon": the page that asks, as a dialog ------------------------------------------
    async function load(dialog, request) {
        const answer = await request;
        if (answer.type === "opaqueredirect") {
            location.assign(here()); // it is started; the page tells of it
            return;
        }
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const part = page.getElementById("oms-sync");
        if (!answer.ok || !part) {
            throw new Error("not the page that was asked for");
        }
        dialog.replaceChildren(part);
        const wrong = part.querySelector(".oms-error");
        const field = wrong && wrong.parentElement.querySelector("input:not([type=hidden])");
        (field || part.querySelector("input[type=radio]:checked") || part.querySelector("button")).focus();
    }

    async function ask(address) {
        const dialog = document.createElement("dialog");
        dialog.className = "oms-dialog";
        dialog.setAttribute("aria-labelledby", "oms-sync-title");
        dialog.addEventListener("close", () => dialog.remove());
        dialog.addEventListener("click", (event) => {
            if (event.target === dialog || event.target.closest("[data-oms-close]")) {
                event.preventDefault();
                dialog.close();
            }
        });
        dialog.addEventListener("submit", async (event) => {
            event.preventDefault();
            const form = event.target;
            const button = form.querySelector("button[type=submit]");
            button.disabled = true;
            try {
                const body = new FormData(form);
                await load(dialog, fetch(form.action, { method: "POST", body, redirect: "manual" }));
            } catch {
                form.submit(); // the plain way shows what is wrong
            }
        });
        document.body.append(dialog);
        try {
            dialog.showModal();
            await load(dialog, fetch(address, { redirect: "error" }));
        } catch {
            dialog.remove();
            location.assign(address);
        }
    }

    function withNext(address) {
        const url = new URL(address, location.href);
        url.searchParams.set("next", here());
        return url.href;
    }

    document.addEventListener("click", (event) => {
        const link = event.target.closest("a[data-oms-dialog]");
        if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey && event.button === 0) {
            event.preventDefault();
            ask(withNext(link.href));
        }
    });
    document.addEventListener("submit", (event) => {
        const form = event.target;
        if (form.matches("form[data-oms-dialog]")) {
            event.preventDefault();
            ask(withNext(`${form.action}?${new URLSearchParams(new FormData(form))}`));
        }
    });

    // --- "Check connection": the findings in place ----------------------------------------------------
    const findings = document.querySelector("[data-oms-check]");
    const check = document.querySelector('[data-oms-button="check"] form');
    if (findings && check) {
        check.addEventListener("submit", async (event) => {
            event.preventDefault();
            const button = check.querySelector("button");
            if (button.getAttribute("aria-busy") === "true") {
                return;
            }
            button.setAttribute("aria-busy", "true");
            findings.textContent = findings.dataset.omsBusy;
            try {
                const body = new FormData(check);
                const answer = await fetch(findings.dataset.omsCheck, { method: "POST", body, redirect: "error" });
                if (!answer.ok) {
                    throw new Error(String(answer.status));
                }
                findings.innerHTML = await answer.text();
                offerCopies(findings);
            } catch {
                check.submit();
            } finally {
                button.removeAttribute("aria-busy");
            }
        });
    }

    // --- Copying a request id --------------------------------------------------------------------------
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

    function offerCopies(within) {
        within.querySelectorAll("[data-oms-copy]").forEach((button) => { button.hidden = false; });
    }

    document.addEventListener("click", (event) => {
        const button = event.target.closest("[data-oms-copy]");
        if (button) {
            copy(button);
        }
    });
    document.addEventListener("oms:closed", () => offerCopies(document));
    offerCopies(document);

    // --- Select2 makes a search field without a name; jQuery calls us after it has --------------------
    window.django?.jQuery?.(() => {
        document.querySelectorAll("select.select2-hidden-accessible").forEach((select) => {
            const field = select.parentElement.querySelector(".select2-search__field");
            if (field && select.labels.length) {
                field.setAttribute("aria-label", select.labels[0].textContent.trim());
            }
        });
    });

    // --- The region and Seller Central follow from the marketplace ------------------------------------
    const marketplace = document.getElementById("id_marketplace_id");
    const region = document.querySelector("[data-oms-region]");
    if (marketplace && region) {
        const otherwise = region.textContent;
        marketplace.addEventListener("change", () => {
            const { region: name, sellerCentral } = marketplace.selectedOptions[0].dataset;
            region.textContent = name || otherwise;
            document.querySelectorAll("[data-oms-seller-central]").forEach((link) => {
                link.host = sellerCentral || link.host;
            });
        });
    }
})();
