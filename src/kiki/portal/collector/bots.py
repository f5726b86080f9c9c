"""Programs that open pages and are no visitors: crawlers, monitors, headless browsers, pages fetched in advance.

The table names programs by what their operators publish; the general words at its end are how well-behaved robots
describe themselves (RFC 9309 speaks of a product token). It is a filter of noise, not of fraud: who wants to look like
a browser does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

KNOWN: tuple[tuple[str, str], ...] = (
    # developers.google.com/search/docs/crawling-indexing/overview-google-crawlers
    ("googlebot", "Google"),
    ("google-inspectiontool", "Google"),
    ("googleother", "Google"),
    ("adsbot-google", "Google Ads"),
    ("mediapartners-google", "Google AdSense"),
    ("feedfetcher-google", "Google"),
    ("google-read-aloud", "Google"),
    ("google favicon", "Google"),
    # www.bing.com/webmasters/help/which-crawlers-does-bing-use
    ("bingbot", "Bing"),
    ("adidxbot", "Bing Ads"),
    ("bingpreview", "Bing"),
    # developers.facebook.com/docs/sharing/webmasters/web-crawlers
    ("facebookexternalhit", "Meta"),
    ("facebookcatalog", "Meta"),
    ("meta-externalagent", "Meta"),
    ("meta-externalfetcher", "Meta"),
    # support.apple.com/119829
    ("applebot", "Apple"),
    # yandex.com/support/webmaster/robot-workings/user-agent.html
    ("yandex.com/bots", "Yandex"),
    # help.baidu.com/question
    ("baiduspider", "Baidu"),
    # duckduckgo.com/duckduckgo-help-pages/results/duckduckbot
    ("duckduckbot", "DuckDuckGo"),
    # platform.openai.com/docs/bots
    ("gptbot", "OpenAI"),
    ("chatgpt-user", "OpenAI"),
    ("oai-searchbot", "OpenAI"),
    # support.claude.com, docs.perplexity.ai/guides/bots, commoncrawl.org/ccbot
    ("claudebot", "Anthropic"),
    ("perplexitybot", "Perplexity"),
    ("ccbot", "Common Crawl"),
    # developer.amazon.com/amazonbot, aspiegel.com/petalbot
    ("amazonbot", "Amazon"),
    ("bytespider", "ByteDance"),
    ("petalbot", "Huawei"),
    # Link previews: help.x.com, api.slack.com/robots, core.telegram.org, developers.pinterest.com
    ("twitterbot", "X"),
    ("slackbot", "Slack"),
    ("telegrambot", "Telegram"),
    ("whatsapp/", "WhatsApp"),
    ("linkedinbot", "LinkedIn"),
    ("pinterestbot", "Pinterest"),
    ("discordbot", "Discord"),
    ("skypeuripreview", "Skype"),
    ("snap url preview", "Snapchat"),
    # Search and market analysis: ahrefs.com/robot, semrush.com/bot, mj12bot.com
    ("ahrefsbot", "Ahrefs"),
    ("semrushbot", "Semrush"),
    ("mj12bot", "Majestic"),
    ("screaming frog", "Screaming Frog"),
    # Measuring and watching
    ("lighthouse", "Lighthouse"),
    ("pagespeed", "PageSpeed"),
    ("gtmetrix", "GTmetrix"),
    ("ptst/", "WebPageTest"),
    ("pingdom", "Pingdom"),
    ("uptimerobot", "UptimeRobot"),
    ("statuscake", "StatusCake"),
    ("datadogsynthetics", "Datadog"),
    ("newrelicsynthetics", "New Relic"),
    # Browsers without a person
    ("headlesschrome", "headless Chrome"),
    ("phantomjs", "PhantomJS"),
    ("puppeteer", "Puppeteer"),
    ("playwright", "Playwright"),
    ("selenium", "Selenium"),
    ("cypress/", "Cypress"),
    ("electron/", "Electron"),
    # Libraries, which run no pixel
    ("curl/", "curl"),
    ("wget/", "Wget"),
    ("python-", "Python"),
    ("aiohttp/", "Python"),
    ("go-http-client", "Go"),
    ("java/", "Java"),
    ("okhttp/", "OkHttp"),
    ("apache-httpclient", "Apache HttpClient"),
    ("libwww-perl", "Perl"),
    ("node-fetch", "Node.js"),
    ("axios/", "Node.js"),
    ("scrapy", "Scrapy"),
)
"""What stands in the user agent, in lower case, and whose it is."""

_GENERAL = re.compile(r"(?<!cu)bot(?:[^a-z]|$)|crawl|spider|slurp|preview|\bfetcher|monitoring|archiver")
"""CUBOT is a maker of telephones."""
_IN_ADVANCE = {
    "sec-purpose": ("prefetch", "prerender"),  # Fetch standard, "Sec-Purpose"
    "purpose": ("prefetch", "preview"),  # Chrome and Safari before it
    "x-purpose": ("preview", "instant"),  # Safari's top sites
    "x-moz": ("prefetch",),  # Firefox before it
}


def bot_of(headers: Mapping[str, str]) -> str | None:
    """Who it is when no person looks at the page; None for a browser. Header names are in lower case."""
    agent = headers.get("user-agent", "").lower()
    if not agent:
        return "nameless"
    for mark, name in KNOWN:
        if mark in agent:
            return name
    if _GENERAL.search(agent):
        return "unnamed bot"
    for header, words in _IN_ADVANCE.items():
        if any(word in headers.get(header, "").lower() for word in words):
            return "fetched in advance"
    return None
