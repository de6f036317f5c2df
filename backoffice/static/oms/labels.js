// For those who cannot see the page or hold a mouse: names for what unfold, Django's and Select2's scripts leave without
// one, and keys for what listens to the mouse alone.
(() => {
    const CONTROLS = "a, button, summary, [role=button]";
    const BACKDROPS = "#changelist-filter-close";
    const FOCUSABLE = "a[href], button, input, select, textarea, summary";

    const fields = (root) => {
        for (const field of root.querySelectorAll(".select2-search__field:not([aria-label])")) {
            const select = field.closest(".select2-container")?.previousElementSibling;
            const label = select?.id && document.querySelector(`label[for="${select.id}"]`);
            field.setAttribute("aria-label", label ? label.textContent.trim() : field.placeholder || "…");
        }
        for (const icon of root.querySelectorAll("span.help-tooltip[aria-label]:not([role])")) icon.setAttribute("role", "img");
    };

    const presses = (event) => {
        if (event.target !== event.currentTarget || !["Enter", " "].includes(event.key)) return;
        event.preventDefault();
        event.currentTarget.click();
    };
    const keys = (root) => {
        for (const part of root.querySelectorAll(`[x-on\\:click]:not(${FOCUSABLE}, ${BACKDROPS}, [role])`)) {
            part.setAttribute("role", "button");
            part.tabIndex = 0;
            part.addEventListener("keydown", presses);
        }
    };

    // An icon is a word to the font, such as "storefront", and would be read out.
    const icons = (root) => {
        const labels = document.getElementById("oms-labels")?.dataset ?? {};
        if (!labels.close && document.readyState === "loading") return; // they come further down the page
        for (const icon of root.querySelectorAll(".material-symbols-outlined:not([aria-hidden])")) {
            const control = icon.closest(CONTROLS), name = icon.textContent.trim();
            if (!name) continue; // Alpine has not filled it in yet
            const isAlone = control && control.textContent.trim() === name && !control.title;
            if (isAlone && labels[name] && !control.hasAttribute("aria-label")) control.setAttribute("aria-label", labels[name]);
            if (icon !== control) icon.setAttribute("aria-hidden", "true");
        }
    };

    // unfold begins every word of a narrow list's labels with a capital.
    const capitals = (root) => {
        for (const cell of root.querySelectorAll("td[data-label], th[data-label]")) {
            const label = cell.dataset.label, text = label.charAt(0).toUpperCase() + label.slice(1);
            if (text !== label) cell.dataset.label = text;
        }
    };

    const all = () => [fields, keys, icons, capitals].forEach((each) => each(document));
    new MutationObserver(all).observe(document, { childList: true, subtree: true });
    document.addEventListener("DOMContentLoaded", all);
})();
