"""Domains that many companies use, so that none is known by them: free mail, social networks, directories, site builders.

Builders that the public suffix list names (`myshopify.com`, `wixsite.com`) need no mention: there each customer's host is a
domain of its own.
"""

from typing import Final

_MAIL: Final = """
    126.com 163.com 139.com aim.com aol.com aol.de arcor.de bigpond.com bluewin.ch bol.com.br btinternet.com comcast.net
    cox.net duck.com email.com fastmail.com free.fr freenet.de gmail.com gmx.at gmx.ch gmx.com gmx.de gmx.net
    googlemail.com hey.com hotmail.co.uk hotmail.com hotmail.de hotmail.es hotmail.fr hotmail.it hushmail.com icloud.com
    inbox.com interia.pl laposte.net libero.it live.com live.co.uk live.de live.fr live.nl mac.com mail.com mail.de mail.ru
    me.com msn.com naver.com o2.pl online.de online.no orange.fr outlook.com outlook.de outlook.fr pm.me posteo.de
    proton.me protonmail.com qq.com rediffmail.com rocketmail.com sbcglobal.net seznam.cz sfr.fr sina.com t-online.de
    telenet.be tiscali.it tutanota.com uol.com.br verizon.net virgilio.it wanadoo.fr web.de wp.pl yahoo.ca yahoo.co.in
    yahoo.co.jp yahoo.co.uk yahoo.com yahoo.com.br yahoo.de yahoo.es yahoo.fr yahoo.it yandex.com yandex.ru ymail.com zoho.com
"""
_SHARED: Final = """
    about.me alibaba.com amazon.com amazon.co.uk amazon.de amzn.to angel.co apple.com behance.net bing.com bit.ly booking.com
    business.site crunchbase.com discord.gg dropbox.com ebay.com ebay.de etsy.com facebook.com fb.com fb.me g.page github.com
    gitlab.com goo.gl google.com google.de google.co.uk indiamart.com instagram.com kununu.com linkedin.com linktr.ee
    medium.com meetup.com microsoft.com notion.site pinterest.com reddit.com sharepoint.com slack.com snapchat.com spotify.com
    squarespace.com t.co t.me telegram.me tiktok.com tripadvisor.com tumblr.com twitter.com vimeo.com vk.com wa.me wechat.com
    weebly.com whatsapp.com wikipedia.org wix.com wordpress.com x.com xing.com yellowpages.com yelp.com youtu.be youtube.com
    example.com example.net example.org domain.com none.com noemail.com test.com unknown.com website.com
"""
SHARED_HOSTS: Final = frozenset(_MAIL.split()) | frozenset(_SHARED.split())
