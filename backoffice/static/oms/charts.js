/* Draws charts with the Chart.js that unfold ships, in the colours of the theme in use. */
"use strict";

(() => {
    // Legible on white and on the dark background alike: a contrast of 3:1 or more to both.
    const PALETTE = ["#3b82f6", "#ea580c", "#059669", "#a855f7", "#db2777", "#0891b2", "#b45309", "#64748b",
        "#f59e0b", "#dc2626"]; // the last two have a meaning: backoffice/base/charts.py
    const drawn = [];

    const isDark = () => document.documentElement.classList.contains("dark");
    const ink = () => (isDark() ? "#a1a7b3" : "#5b6270");
    const lines = () => (isDark() ? "rgba(255, 255, 255, 0.10)" : "rgba(0, 0, 0, 0.08)");

    function dataset(series, kind) {
        const colour = PALETTE[series.colour];
        const common = { label: series.label, data: series.values, borderColor: colour, backgroundColor: colour };
        // One value makes no line: it is a point.
        const pointRadius = series.values.length > 1 ? 0 : 3;
        if (series.isLimit) {
            return { ...common, borderDash: [4, 4], borderWidth: 1, pointRadius: 0 };
        }
        if (kind === "steps") {
            return { ...common, borderWidth: 2, pointHitRadius: 12, pointRadius, stepped: true };
        }
        if (kind !== "line") {
            return { ...common, borderRadius: 2, maxBarThickness: 22 };
        }
        return {
            ...common, backgroundColor: `${colour}22`, borderWidth: 2, fill: true, pointRadius,
            pointHitRadius: 12, tension: 0.25,
        };
    }

    function axis(extra, withGrid) {
        return {
            border: { display: false },
            grid: { color: lines(), display: withGrid },
            ticks: { color: ink(), maxRotation: 0, autoSkipPadding: 18, ...extra },
        };
    }

    // What is counted has no halves.
    const isWhole = (series) => series.every(({ values }) => values.every((value) => Number.isInteger(value ?? 0)));

    function options(kind, series) {
        const count = series.length;
        const isRank = kind === "rank";
        const stacked = kind === "bar";
        const ticks = { maxTicksLimit: 5, ...(isWhole(series) ? { precision: 0 } : {}) };
        const values = { ...axis(ticks, true), beginAtZero: true, stacked };
        const labels = { ...axis(isRank ? { autoSkip: false } : {}, false), stacked };
        const legend = { display: count > 1, position: "bottom", align: "start" };
        legend.labels = { color: ink(), boxHeight: 8, boxWidth: 8, usePointStyle: true, padding: 12 };
        return {
            animation: false, maintainAspectRatio: false, responsive: true, locale: document.documentElement.lang,
            indexAxis: isRank ? "y" : "x",
            interaction: { mode: "index", intersect: false, axis: isRank ? "y" : "x" },
            scales: isRank ? { x: values, y: labels } : { x: labels, y: values },
            plugins: { legend, tooltip: { usePointStyle: true, boxPadding: 4 } },
        };
    }

    // A thin line between the stretches of a chart, such as weeks; the list below it has a column for each.
    const stretches = (breaks, list) => ({
        id: "stretches",
        afterLayout({ chartArea, width }) {
            list.style.paddingLeft = `${chartArea.left}px`;
            list.style.paddingRight = `${width - chartArea.right}px`;
            list.style.gridTemplateColumns = [...list.children].map((part) => `minmax(0, ${part.dataset.count}fr)`).join(" ");
        },
        afterDatasetsDraw({ ctx, chartArea, scales: { x } }) {
            ctx.save();
            ctx.strokeStyle = ink();
            ctx.setLineDash([2, 3]);
            for (const place of breaks) {
                const middle = (x.getPixelForValue(place - 1) + x.getPixelForValue(place)) / 2;
                ctx.beginPath();
                ctx.moveTo(middle, chartArea.top);
                ctx.lineTo(middle, chartArea.bottom);
                ctx.stroke();
            }
            ctx.restore();
        },
    });

    function draw(figure) {
        const { kind, labels, series, breaks } = JSON.parse(figure.querySelector("script").textContent);
        const parts = figure.querySelector(".oms-parts");
        const chart = new Chart(figure.querySelector("canvas"), {
            type: kind === "line" || kind === "steps" ? "line" : "bar",
            data: { labels, datasets: series.map((each) => dataset(each, kind)) },
            options: options(kind, series),
            plugins: parts ? [stretches(breaks, parts)] : [],
        });
        drawn.push({ chart, kind, series });
        figure.dataset.drawn = "yes";
    }

    const drawAll = () => document.querySelectorAll("[data-chart]:not([data-drawn])").forEach(draw);
    document.addEventListener("htmx:afterSettle", drawAll);
    ["htmx:responseError", "htmx:sendError"].forEach((name) => {
        document.addEventListener(name, ({ target }) => {
            if (target.dataset.failed) {
                target.textContent = target.dataset.failed;
            }
        });
    });
    document.addEventListener("DOMContentLoaded", () => {
        drawAll();
        new MutationObserver(() => {
            drawn.forEach(({ chart, kind, series }) => {
                chart.options = options(kind, series);
                chart.update();
            });
        }).observe(document.documentElement, { attributeFilter: ["class"] });
    });
})();
