"""Amazon's codes of carriers, as data, for confirmShipment.

Verified: a code has to match one of Amazon's exactly; a carrier that has none goes as OTHER, with its name, of 50
characters at most. https://developer-docs.amazon.com/sp-api/changelog/carriercode-value-required-in-shipment-confirmations-for-br-mx-ca-sg-au-in-jp-marketplaces
and https://github.com/amzn/selling-partner-api-docs/issues/772

Verified: each code below stands in Amazon's schema of shipping feeds (amzn-base.xsd), as far as stored copies of it
go, the newest of January 2026: https://support.getdropstream.com/hc/en-us/articles/12209043626003

Verified for two marketplaces, Australia and Singapore: what their help says of the field CarrierCode, all of which is
below:
https://sellercentral.amazon.com.au/gp/help/external/641 and https://sellercentral.amazon.sg/gp/help/external/641

Not verified: which of the other codes a marketplace takes, since its list is behind a login of Seller Central
("List of acceptable carrier codes"); whether confirmShipment takes every code of the schema; and what it does with one
that it does not know: it was seen to refuse it, and to answer 204 and change nothing
(https://github.com/amzn/selling-partner-api-models/issues/5232). Only the order as read back tells.
"""

from integrations.protocol import Carrier

OTHER = "Other"
LONGEST_NAME = 50  # characters of a carrier's name, beside OTHER

AUSTRALIA = "A39IBJ37TRP1C6"

# Where the code alone does not tell people who it is.
LABELS = {
    "4PX": "4PX Express",
    "AMZL_UK": "Amazon Logistics (UK)",
    "APC": "APC Overnight (APC)",
    "ATS": "Amazon Transportation Services (ATS)",
    "BRT": "BRT Bartolini",
    "CELERITAS": "Celeritas",
    "CNE": "CNE Express",
    "DHLPL": "DHL Parcel Poland",
    "DX": "DX (UK)",
    "EUB": "China Post ePacket (EUB)",
    "FEDEX_JP": "FedEx Japan",
    "JP_EXPRESS": "Japan Post Express (JP_EXPRESS)",
    "NITTSU": "Nippon Express (NITTSU)",
    "NipponExpress": "Nippon Express",
    "OSM": "OSM Worldwide",
    "PUROLATOR": "Purolator",
    "R+L": "R+L Carriers",
    "SAGAWA": "Sagawa Express (SAGAWA)",
    "SDA": "SDA Express Courier",
    "SFC": "SFC Service",
    "SagawaExpress": "Sagawa Express",
    "UBI": "UBI Smart Parcel",
    "UKMail": "UK Mail",
    "UPSMI": "UPS Mail Innovations (UPSMI)",
    "WINIT": "Winit",
    "YAMATO": "Yamato Transport (YAMATO)",
    "YANWEN": "Yanwen (Australia)",
    "YDH": "YDH Express",
    "YamatoTransport": "Yamato Transport",
}
# Names of services in Amazon's own examples: ordersV0.json.
SERVICES = {"FedEx": ("FedEx Ground",)}

# Of the codes that only one help page has, those of a single country.
ONLY_IN: dict[str, tuple[str, ...]] = {
    "Australia Post-ArticleId": (AUSTRALIA,),
    "Australia Post-Consignment": (AUSTRALIA,),
    "Couriers Please": (AUSTRALIA,),
    "YANWEN": (AUSTRALIA,),
}

CODES = """
4PX | A-1 | AAA Cooper | ABF | AMZL_UK | APC | APC Overnight | ATS | Amazon Shipping | Aramex | Aras Kargo | Arrow XL
Asendia | Australia Post | Australia Post-ArticleId | Australia Post-Consignment | BJS | BRT | Best Buy | Best Express
Blue Package | BlueDart | CEVA | CNE | CTTExpress | Canada Post | CELERITAS | China Post | Chrono Express | Chronopost
Chukou1 | City Link | Colis Prive | Coliposte | Colissimo | Conway | Correios | Correos | Correos Express
Couriers Please | DACHSER | DB Schenker | DHL | DHL Express | DHL Freight | DHL Global Mail | DHL Home Delivery
DHL eCommerce | DHL-Paket | DHLPL | DPD | DPD Local | DSV | DTDC | DX | DX Express | DX Freight | DX Secure | Delhivery
Deutsche Post | ECMS | EUB | Ecom Express | Emirates Post | Endopack | Energo | Envialia | Equick | Estafeta | Estes
FEDEX_JP | Fastway | FedEx | FedEx SmartPost | Fedex Freight | Fercam | First Flight | First Mile | France Express
GEL Express | GFS | GLS | GO! | Gati | Geodis Calberson | Heppner | Hermes | Hermes (Corporate)
Hermes Einrichtungsservice | Hermes Logistik Gruppe | Hermes UK | Hongkong Post | IDS Netzwerk | ITD Global | InPost
India Post | JCEX | JP_EXPRESS | Japan Post | Jersey Post | Kuehne+Nagel | La Poste | Landmark | Lasership | MNG Kargo
MRW | Milkman | NITTSU | Nacex | Newgistics | Nexive | Ninjavan | NipponExpress | OSM | Old Dominion | OnTrac
Overnite Express | PTT Kargo | PUROLATOR | Panther | Parcel Station | Parcelforce | Parcelhub | Parcelnet
Pilot Freight | Polish Post | Post NL | PostNord | Poste Italiane | Qxpress | R+L | Raben Group | Rhenus | Rivigo
Roadrunner | Royal Mail | SAGAWA | SDA | SEINO TRANSPORTATION | SF Express | SFC | STO Express | Safexpress
SagawaExpress | Saia | Self Delivery | Sendle | Seur | Shree Maruti Courier | Singapore Post | Smartmail
South Eastern Freight Lines | Spring GDS | StarTrack-ArticleID | StarTrack-Consignment | Streamlite | Sunyou | TIPSA
TNT | Target | Toll Global Express | Total Express | Tourline | Trackon | Tuffnells | UBI | UKMail | UPS | UPS Freight
UPS Mail Innovations | UPSMI | USPS | Urban Express | WINIT | WanbExpress | Whistl | XDP | XPO Freight | Xpressbees
YAMATO | YANWEN | YDH | YTO Express | YamatoTransport | Yanwen | Yellow Freight | Yodel | Yun Express | Yunda Express
ZTO Express | iMile | iParcel
"""


def _carrier(code: str) -> Carrier:
    return Carrier(code, LABELS.get(code, code), ONLY_IN.get(code, ()), SERVICES.get(code, ()))


CARRIERS: tuple[Carrier, ...] = tuple(
    _carrier(code.strip()) for line in CODES.strip().splitlines() for code in line.split("|")
)
