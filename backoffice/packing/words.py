"""The few words of a packing slip, in the language of the marketplace: the buyer reads them, whatever language the
person has who prints it. More languages than the admin has, so they are no messages of its catalogues."""

FROM_THE_RIGHT = ("R", "AL")  # letters that are written so, as unicodedata calls it
WORDS: dict[str, dict[str, str]] = {
    "en": {"title": "Packing slip", "order": "Order", "bought": "Ordered on", "to": "Ship to",
           "quantity": "Quantity", "item": "Item", "price": "Price", "total": "Total", "gift": "Message"},
    "de": {"title": "Lieferschein", "order": "Bestellung", "bought": "Bestellt am", "to": "Lieferadresse",
           "quantity": "Menge", "item": "Artikel", "price": "Preis", "total": "Summe", "gift": "Nachricht"},
    "fr": {"title": "Bon de livraison", "order": "Commande", "bought": "Commandé le", "to": "Adresse de livraison",
           "quantity": "Quantité", "item": "Article", "price": "Prix", "total": "Total", "gift": "Message"},
    "es": {"title": "Albarán", "order": "Pedido", "bought": "Fecha del pedido", "to": "Dirección de envío",
           "quantity": "Cantidad", "item": "Artículo", "price": "Precio", "total": "Total", "gift": "Mensaje"},
    "it": {"title": "Documento di trasporto", "order": "Ordine", "bought": "Ordinato il", "to": "Indirizzo di consegna",
           "quantity": "Quantità", "item": "Articolo", "price": "Prezzo", "total": "Totale", "gift": "Messaggio"},
    "nl": {"title": "Pakbon", "order": "Bestelling", "bought": "Besteld op", "to": "Verzendadres",
           "quantity": "Aantal", "item": "Artikel", "price": "Prijs", "total": "Totaal", "gift": "Bericht"},
    "pl": {"title": "List przewozowy", "order": "Zamówienie", "bought": "Data zamówienia", "to": "Adres dostawy",
           "quantity": "Ilość", "item": "Produkt", "price": "Cena", "total": "Razem", "gift": "Wiadomość"},
    "sv": {"title": "Följesedel", "order": "Beställning", "bought": "Beställd den", "to": "Leveransadress",
           "quantity": "Antal", "item": "Artikel", "price": "Pris", "total": "Summa", "gift": "Meddelande"},
    "pt": {"title": "Guia de remessa", "order": "Pedido", "bought": "Data do pedido", "to": "Endereço de entrega",
           "quantity": "Quantidade", "item": "Item", "price": "Preço", "total": "Total", "gift": "Mensagem"},
    "tr": {"title": "Sevk irsaliyesi", "order": "Sipariş", "bought": "Sipariş tarihi", "to": "Teslimat adresi",
           "quantity": "Adet", "item": "Ürün", "price": "Fiyat", "total": "Toplam", "gift": "Mesaj"},
    "ja": {"title": "納品書", "order": "注文番号", "bought": "注文日", "to": "お届け先",
           "quantity": "数量", "item": "商品", "price": "価格", "total": "合計", "gift": "メッセージ"},
}  # fmt: skip
# Country of the marketplace -> language; English for the others.
LANGUAGES = {
    "DE": "de", "AT": "de", "FR": "fr", "BE": "fr", "ES": "es", "MX": "es", "IT": "it", "NL": "nl", "PL": "pl",
    "SE": "sv", "BR": "pt", "TR": "tr", "JP": "ja",
}  # fmt: skip


def language_of(country: str) -> str:
    return LANGUAGES.get(country, "en")
