"""The carriers that confirmShipment takes by a code of their own: those of Amazon's schema of shipping feeds
(amzn-base.xsd), as far as stored copies of it go. In which marketplace is not known, so each takes all of them.
"""

OTHER = "Other"
LONGEST_NAME = 50  # characters of the name beside it: the help of Seller Central, carrier-name

CARRIERS = frozenset(
    """
4PX, A-1, AAA Cooper, ABF, Amazon Shipping, AMZL_UK, APC, APC Overnight, Aramex, Aras Kargo, Arrow XL, Asendia,
ATS, Australia Post, Australia Post-ArticleId, Australia Post-Consignment, Best Buy, Best Express, BJS,
Blue Package, BlueDart, BRT, Canada Post, CELERITAS, CEVA, China Post, Chrono Express, Chronopost, Chukou1,
City Link, CNE, Coliposte, Colis Prive, Colissimo, Conway, Correios, Correos, Correos Express, Couriers Please,
CTTExpress, DACHSER, DB Schenker, Delhivery, Deutsche Post, DHL, DHL eCommerce, DHL Express, DHL Freight,
DHL Global Mail, DHL Home Delivery, DHL-Paket, DHLPL, DPD, DPD Local, DSV, DTDC, DX, DX Express, DX Freight,
DX Secure, ECMS, Ecom Express, Emirates Post, Endopack, Energo, Envialia, Equick, Estafeta, Estes, EUB, Fastway,
FedEx, Fedex Freight, FedEx SmartPost, FEDEX_JP, Fercam, First Flight, First Mile, France Express, Gati,
GEL Express, Geodis Calberson, GFS, GLS, GO!, Heppner, Hermes, Hermes (Corporate), Hermes Einrichtungsservice,
Hermes Logistik Gruppe, Hermes UK, Hongkong Post, IDS Netzwerk, iMile, India Post, InPost, iParcel, ITD Global,
Japan Post, JCEX, Jersey Post, JP_EXPRESS, Kuehne+Nagel, La Poste, Landmark, Lasership, Milkman, MNG Kargo, MRW,
Nacex, Newgistics, Nexive, Ninjavan, NipponExpress, NITTSU, Old Dominion, OnTrac, OSM, Overnite Express,
Panther, Parcel Station, Parcelforce, Parcelhub, Parcelnet, Pilot Freight, Polish Post, Post NL, Poste Italiane,
PostNord, PTT Kargo, PUROLATOR, Qxpress, R+L, Raben Group, Rhenus, Rivigo, Roadrunner, Royal Mail, Safexpress,
SAGAWA, SagawaExpress, Saia, SDA, SEINO TRANSPORTATION, Self Delivery, Sendle, Seur, SF Express, SFC,
Shree Maruti Courier, Singapore Post, Smartmail, South Eastern Freight Lines, Spring GDS, StarTrack-ArticleID,
StarTrack-Consignment, STO Express, Streamlite, Sunyou, Target, TIPSA, TNT, Toll Global Express, Total Express,
Tourline, Trackon, Tuffnells, UBI, UKMail, UPS, UPS Freight, UPS Mail Innovations, UPSMI, Urban Express, USPS,
WanbExpress, Whistl, WINIT, XDP, XPO Freight, Xpressbees, YAMATO, YamatoTransport, YANWEN, Yanwen, YDH,
Yellow Freight, Yodel, YTO Express, Yun Express, Yunda Express, ZTO Express
""".replace("\n", " ")
    .strip()
    .split(", ")
)
