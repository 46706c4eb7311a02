/** CSS of a run's report, after what every page has. Narrow screens first; every colour has a sign or word beside it. */
export const STYLE = `
.skip { position: absolute; left: -99rem; } .skip:focus { position: static; }
header, main, footer { max-width: 68rem; margin: 0 auto; padding: 0 1rem; } header { padding-top: 1rem; } footer { padding-bottom: 2rem; }
.verdict { font-size: 1.15rem; font-weight: 600; margin: .2rem 0 .6rem; }
dl.meta { display: grid; grid-template-columns: max-content 1fr; gap: .1rem .8rem; margin: 0 0 .6rem; font-size: .9rem; } dl.meta dt { color: var(--soft); } dl.meta dd { margin: 0; }
ul.states { list-style: none; display: grid; grid-template-columns: repeat(auto-fit, minmax(6.6rem, 1fr)); gap: .5rem; padding: 0; margin: .8rem 0; }
ul.states li { background: var(--card); border: 1px solid var(--line); border-top: 3px solid var(--line); border-radius: .4rem; padding: .3rem .6rem; } ul.states b { display: block; font-size: 1.5rem; line-height: 1.2; font-variant-numeric: tabular-nums; }
ul.states li.bad { border-top-color: var(--bad); } ul.states li.warn { border-top-color: var(--warn); } ul.states li.doubt { border-top-color: var(--doubt); } ul.states li.good { border-top-color: var(--good); } ul.states span { color: var(--soft); font-size: .85rem; }
nav ul { list-style: none; display: flex; flex-wrap: wrap; gap: .3rem .4rem; padding: 0; margin: .4rem 0 0; } nav a { display: inline-block; padding: .3rem .6rem; border: 1px solid var(--line); border-radius: 1rem; background: var(--card); font-size: .9rem; text-decoration: none; } nav a:hover { text-decoration: underline; }
h2 .count { color: var(--soft); font-weight: 400; } h3 { font-size: .95rem; margin: 1rem 0 .2rem; }
.entry { border-top: 1px solid var(--line); padding: .5rem 0; } h2 + .entry, h3 + .entry { border-top: 0; padding-top: .2rem; } .entry p { margin: .1rem 0; } section > .entry:last-child { padding-bottom: 0; }
.entry > summary { list-style-position: outside; margin-left: 1.1rem; } .entry > summary::marker { color: var(--soft); } details.entry > :not(summary) { margin-left: 1.1rem; }
.tag { display: inline-block; font-size: .8rem; font-weight: 600; border: 1px solid currentColor; border-radius: .3rem; padding: 0 .35rem; margin-right: .3rem; }
.hosts { color: var(--soft); font-size: .9rem; } summary .hosts { display: block; } .where { color: var(--soft); font-size: .8rem; }
pre { background: var(--tint); border: 1px solid var(--line); border-radius: .4rem; padding: .5rem .6rem; margin: .4rem 0; overflow-x: auto; max-height: 30rem; white-space: pre-wrap; tab-size: 4; }
pre .add { color: var(--good); } pre .del { color: var(--bad); } pre .at { color: var(--accent); }
table { border-collapse: collapse; width: 100%; font-size: .9rem; } caption { text-align: left; color: var(--soft); font-size: .9rem; padding-bottom: .3rem; } th, td { text-align: left; vertical-align: top; padding: .3rem .6rem .3rem 0; border-top: 1px solid var(--line); } thead th { border-top: 0; color: var(--soft); font-weight: 600; font-size: .85rem; } td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; } td.n { white-space: nowrap; } td .tag { margin: 0; white-space: nowrap; } td.zero { color: var(--soft); } td.fit, table.fit td.n { white-space: nowrap; width: 1%; }
.scroll { overflow-x: auto; }
.lane { display: grid; grid-template-columns: minmax(8rem, 18rem) 1fr 4.4rem; gap: .6rem; align-items: center; border-top: 1px solid var(--line); padding: .15rem 0; font-size: .9rem; } .lane svg { display: block; width: 100%; height: 1.1rem; } .lane .n { text-align: right; font-variant-numeric: tabular-nums; color: var(--soft); white-space: nowrap; font-size: .85rem; }
ol.lanes { list-style: none; margin: 0; padding: 0; }
svg .span { fill: var(--line); } svg .m-changed { fill: var(--accent); } svg .m-failed, svg .m-unreachable { fill: var(--bad); } svg .m-unknown { fill: var(--doubt); } svg .m-ok, svg .m-skipped { fill: var(--soft); } svg .m-ignored, svg .m-rescued { fill: var(--warn); }
ul.legend { list-style: none; padding: 0; margin: .4rem 0 0; display: flex; flex-wrap: wrap; gap: .2rem 1rem; font-size: .85rem; color: var(--soft); } ul.legend svg { width: .8rem; height: .8rem; margin-right: .3rem; vertical-align: -.08rem; }
@media (min-width: 48rem) { table.cards th[scope=row] { min-width: 17rem; } dl.meta { grid-template-columns: max-content 1fr max-content 1fr; } }
@media (max-width: 40rem) {
  table.cards thead { position: absolute; left: -99rem; } table.cards tr { display: grid; grid-template-columns: repeat(auto-fill, minmax(7.6rem, 1fr)); gap: 0 .6rem; border-top: 1px solid var(--line); padding: .4rem 0; } table.cards tr:first-child { border-top: 0; }
  table.cards td, table.cards th { border: 0; padding: .05rem 0; text-align: left; white-space: normal; } table.cards th, table.cards td.wide { grid-column: 1 / -1; } table.cards td.fit { width: auto; } table.cards td.n { white-space: nowrap; } table.cards td.zero { display: none; } table.cards td[data-label]::before { content: attr(data-label) " "; color: var(--soft); font-size: .85rem; }
  .lane { grid-template-columns: 1fr 4.4rem; } .lane svg { grid-column: 1 / -1; grid-row: 2; }
}
@media print { nav, .skip { display: none; } pre { max-height: none; } details.entry > :not(summary) { display: block; } details::details-content { content-visibility: visible; block-size: auto; } .entry, tr, .lane { break-inside: avoid; } }
`;
