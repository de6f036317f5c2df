// Names for parts that Django's and Select2's scripts build without one, for those who cannot see the page.
(() => {
    const name = (root) => {
        for (const field of root.querySelectorAll(".select2-search__field:not([aria-label])")) {
            const select = field.closest(".select2-container")?.previousElementSibling;
            const label = select?.id && document.querySelector(`label[for="${select.id}"]`);
            field.setAttribute("aria-label", label ? label.textContent.trim() : field.placeholder || "…");
        }
        for (const icon of root.querySelectorAll("span.help-tooltip[aria-label]:not([role])")) icon.setAttribute("role", "img");
    };
    new MutationObserver(() => name(document)).observe(document, { childList: true, subtree: true });
    document.addEventListener("DOMContentLoaded", () => name(document));
})();
