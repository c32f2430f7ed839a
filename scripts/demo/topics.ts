/** What customers of an outdoor shop ask about, and what its assistant may answer. `{…}` is replaced for each question. */
export interface Topic {
  id: string
  area: 'delivery' | 'returns' | 'payment' | 'account' | 'products'
  /** Looks up an order before it answers. */
  needsOrder: boolean
  /** Any assistant that reads the article gets it right. */
  isEasy?: boolean
  article: string
  text: string
  questions: readonly [string, string, string]
  right: string
  /** Right as far as it goes. */
  vague: string
  /** What the vague answer leaves out. */
  lacks: string
  wrong: string
  /** What is wrong about it. */
  mistake: string
}

export const topics: readonly Topic[] = [
  {
    id: 'late-parcel',
    area: 'delivery',
    needsOrder: true,
    article: 'Where is my parcel?',
    text: 'Parcels arrive within 4 working days. After 6 working days without a scan we open a search with the carrier and send a replacement on day 10.',
    questions: [
      'My {product} (order {order}) should have come last week. Where is it?',
      'Tracking for {order} has not moved for five days. What happens now?',
      'I still do not have the {product} I ordered. Can you check {order}?',
    ],
    right:
      'Order {order} left our warehouse and has not been scanned since. After 6 working days without a scan we open a search with the carrier, and on day 10 we send you a new {product} free of charge.',
    vague:
      'Order {order} is on its way and is late. We will open a search with the carrier if it does not turn up.',
    lacks: 'the replacement on day 10',
    wrong:
      'Order {order} was delivered. If you cannot find it, please ask your neighbours; we cannot replace delivered parcels.',
    mistake: 'the order was never delivered, and it is replaced',
  },
  {
    id: 'delivery-abroad',
    area: 'delivery',
    needsOrder: false,
    article: 'Delivery abroad',
    text: 'We deliver to the EU, Norway and Switzerland. It takes 5 to 8 working days and costs 12.90 EUR, or nothing above 150 EUR. Customs are included for Norway and Switzerland.',
    questions: [
      'Do you send the {product} to {country}, and what does it cost?',
      'How long does delivery to {country} take?',
      'I live in {country}. Do I pay customs on a {product}?',
    ],
    right:
      'Yes, we deliver the {product} to {country} in 5 to 8 working days. It costs 12.90 EUR, nothing above 150 EUR, and customs are already included.',
    vague: 'Yes, we deliver to {country}. It takes 5 to 8 working days.',
    lacks: 'the price and the customs',
    wrong:
      'We deliver to {country} within 2 working days at no cost. Customs are charged at the door.',
    mistake: 'the time, the price and the customs are all made up',
  },
  {
    id: 'change-address',
    area: 'delivery',
    needsOrder: true,
    article: 'Changing the address',
    text: 'The address can be changed until the order is packed, usually within 2 hours. Later the carrier can redirect the parcel once, from the tracking page.',
    questions: [
      'I gave the wrong street for {order}. Can it still be changed?',
      'Please send {order} to my office instead.',
      'I am moving before the {product} arrives. How do I change the address?',
    ],
    right:
      'Order {order} is already packed, so we cannot change the address any more. You can redirect the parcel once, from the link in your tracking e-mail.',
    vague: 'Order {order} is already packed, so the address cannot be changed by us.',
    lacks: 'that the tracking page can redirect it',
    wrong: 'I have changed the address of {order} for you.',
    mistake: 'the assistant cannot change addresses, and the order was packed',
  },
  {
    id: 'pickup-point',
    area: 'delivery',
    needsOrder: false,
    article: 'Pick-up points',
    text: 'Parcels wait 7 days at a pick-up point. Bring the code from the message and a photo ID. After that they come back to us and are refunded.',
    questions: [
      'How long will the pick-up point keep my {product}?',
      'What do I need to bring to collect a parcel in {city}?',
      'Can my sister collect the {product} for me in {city}?',
    ],
    right:
      'The pick-up point keeps it for 7 days. Bring the code from our message and a photo ID; somebody else can collect it with the code and their own ID. Afterwards it comes back to us and you get a refund.',
    vague: 'The pick-up point keeps it for 7 days. Bring the code from our message.',
    lacks: 'the photo ID',
    wrong: 'Pick-up points keep parcels for 14 days, and only the buyer can collect them.',
    mistake: 'it is 7 days, and others may collect it',
  },
  {
    id: 'return-window',
    area: 'returns',
    needsOrder: false,
    isEasy: true,
    article: 'Returns',
    text: 'Unused goods can be returned within 60 days, free of charge with our label. Underwear and opened food cannot. The refund takes 5 working days after we have the parcel.',
    questions: [
      'How long do I have to return a {product}?',
      'I bought a {product} six weeks ago and have not used it. Can I return it?',
      'Is sending back the {product} free?',
    ],
    right:
      'You can return the unused {product} within 60 days. The label in your account makes it free, and the refund arrives 5 working days after we have the parcel.',
    vague: 'You can return the unused {product} within 60 days.',
    lacks: 'the free label and the time of the refund',
    wrong: 'Returns are possible within 30 days, and you pay the postage for the {product}.',
    mistake: 'it is 60 days and free',
  },
  {
    id: 'refund-missing',
    area: 'returns',
    needsOrder: true,
    article: 'Where is my refund?',
    text: 'Refunds are sent 5 working days after the return was scanned. Cards show them up to 10 days later, gift cards at once.',
    questions: [
      'You got my return of {order} two weeks ago. Where is my money?',
      'When do I get the refund for the {product}?',
      'I see no refund for {order} on my card.',
    ],
    right:
      'We scanned the return of {order} and sent the refund 5 working days later. A card shows it up to 10 days after that; what was paid by gift card is back on it already.',
    vague: 'The refund for {order} was sent. Your bank may need some days.',
    lacks: 'how long it takes',
    wrong: 'We have not received the return of {order}, so there is no refund yet.',
    mistake: 'the return was scanned',
  },
  {
    id: 'wrong-item',
    area: 'returns',
    needsOrder: true,
    article: 'A wrong or broken item',
    text: 'We replace wrong or broken items at once against a photo, within 30 days. The wrong item need not be sent back below 40 EUR.',
    questions: [
      'I ordered a {product} and got something else ({order}).',
      'The {product} in {order} came broken. What now?',
      'Part of my {product} is missing from {order}.',
    ],
    right:
      'I am sorry. Reply with a photo and we send a new {product} at once. If it cost less than 40 EUR you need not send anything back, otherwise we add a free label.',
    vague: 'I am sorry. Please send a photo and we will replace the {product}.',
    lacks: 'whether it has to be sent back',
    wrong:
      'Please send the {product} back first. We replace it after an inspection of about 3 weeks.',
    mistake: 'a photo is enough, and the replacement is sent at once',
  },
  {
    id: 'exchange-size',
    area: 'returns',
    needsOrder: true,
    article: 'Exchanging a size',
    text: 'Sizes are exchanged free of charge within 60 days. The new size is reserved as soon as the exchange is opened in the account and sent when the old one is scanned.',
    questions: [
      'The {product} is too small. Can I swap it for a larger one?',
      'How do I exchange the size of {order}?',
      'Will you keep the other size of the {product} for me?',
    ],
    right:
      'Yes, free of charge within 60 days. Open the exchange in your account: that reserves the new size at once, and we send it when the carrier scans your {product}.',
    vague: 'Yes, open the exchange in your account. It is free within 60 days.',
    lacks: 'that the new size is reserved',
    wrong: 'We do not exchange sizes. Please return the {product} and order again.',
    mistake: 'sizes are exchanged',
  },
  {
    id: 'warranty',
    area: 'returns',
    needsOrder: false,
    isEasy: true,
    article: 'Warranty',
    text: 'Everything has 2 years of warranty, tents and backpacks 5 years. Wear is not covered, but we repair it at cost. Claims need the order number and a photo.',
    questions: [
      'A seam of my {product} opened after 18 months. Is that covered?',
      'How long is the warranty on a {product}?',
      'The zip of my {product} is worn out. Do you repair it?',
    ],
    right:
      'The {product} has at least 2 years of warranty, tents and backpacks have 5. Send us the order number and a photo. Wear is not covered, but we repair it at cost.',
    vague: 'Yes, there are 2 years of warranty. Send us a photo.',
    lacks: 'the order number, and the 5 years for tents and backpacks',
    wrong: 'The warranty of a {product} is 1 year, and repairs are not offered.',
    mistake: 'it is 2 or 5 years, and we do repair',
  },
  {
    id: 'voucher-fails',
    area: 'payment',
    needsOrder: false,
    article: 'Vouchers',
    text: 'One voucher per order, from 50 EUR, not for sale items or gift cards. A voucher is valid for 90 days and cannot be added later.',
    questions: [
      'My voucher does not work for the {product}. Why?',
      'Can I use two vouchers on a {product}?',
      'I forgot the voucher on {order}. Can you add it?',
    ],
    right:
      'One voucher works per order, from 50 EUR, for 90 days, and not on sale items or gift cards. It cannot be added to an order later, but you can cancel within 2 hours and order again.',
    vague: 'Vouchers work from 50 EUR, and one per order.',
    lacks: 'that sale items are excluded',
    wrong: 'I have added the voucher to your order. The difference is refunded today.',
    mistake: 'vouchers cannot be added later',
  },
  {
    id: 'invoice',
    area: 'payment',
    needsOrder: true,
    article: 'Invoices',
    text: 'Invoices are in the account as PDF as soon as the parcel is sent. A company name and a VAT id can be added for 14 days.',
    questions: [
      'Where is the invoice for {order}?',
      'I need our VAT id on the invoice of {order}.',
      'Can the invoice for the {product} be in the name of my company?',
    ],
    right:
      'The invoice of {order} is in your account as a PDF, since the parcel was sent. For 14 days you can add a company name and a VAT id there.',
    vague: 'You find the invoice of {order} in your account.',
    lacks: 'how a company name or VAT id is added',
    wrong: 'Invoices are sent by post within 4 weeks and cannot be changed.',
    mistake: 'they are in the account and can be changed for 14 days',
  },
  {
    id: 'pay-later',
    area: 'payment',
    needsOrder: false,
    article: 'Ways to pay',
    text: 'Card, PayPal, bank transfer, gift card. Instalments of 3, 6 or 12 months from 200 EUR, without interest for 3 months.',
    questions: [
      'Can I pay for the {product} in instalments?',
      'Which ways to pay do you have in {country}?',
      'Is there interest when I pay for a {product} over three months?',
    ],
    right:
      'By card, PayPal, bank transfer or gift card. From 200 EUR you can pay in 3, 6 or 12 instalments; over 3 months there is no interest.',
    vague: 'By card, PayPal, bank transfer or gift card, or in instalments.',
    lacks: 'from which sum instalments are possible',
    wrong: 'Instalments are possible for every order, always without interest.',
    mistake: 'they start at 200 EUR, and only 3 months are without interest',
  },
  {
    id: 'charged-twice',
    area: 'payment',
    needsOrder: true,
    article: 'Charged twice',
    text: 'A second charge is usually a reservation that the bank lifts within 7 days. If it is still there after 7 days, we need a statement and refund within 2 working days.',
    questions: [
      'I was charged twice for {order}!',
      'My card shows two payments for the {product}.',
      'Why is {order} on my statement two times?',
    ],
    right:
      'One of the two is a reservation for {order}, which your bank lifts within 7 days. If it is still there afterwards, send us the statement and we refund it within 2 working days.',
    vague: 'One of the two is a reservation, which your bank will lift.',
    lacks: 'what to do after 7 days',
    wrong: 'We have charged you once. Please ask your bank, we cannot help with this.',
    mistake: 'we refund it when it stays',
  },
  {
    id: 'gift-card',
    area: 'payment',
    needsOrder: false,
    article: 'Gift cards',
    text: 'Gift cards are valid for 3 years, can be used for several orders and cannot be paid out. A lost one is replaced with the order number.',
    questions: [
      'How long is a gift card valid?',
      'Can I pay for part of a {product} with a gift card?',
      'I lost the gift card that I bought with {order}.',
    ],
    right:
      'Gift cards are valid for 3 years and can be split over several orders; they are not paid out. With the order number we replace a lost one.',
    vague: 'Gift cards are valid for 3 years and can be split over several orders.',
    lacks: 'that a lost one is replaced',
    wrong: 'Gift cards are valid for 1 year and can be paid out on request.',
    mistake: 'it is 3 years, and they are not paid out',
  },
  {
    id: 'reset-password',
    area: 'account',
    needsOrder: false,
    article: 'Signing in',
    text: 'The link in the password e-mail works for 30 minutes. After 5 wrong tries the account is locked for an hour.',
    questions: [
      'I cannot sign in any more. My last order was a {product}.',
      'The link to reset my password does not work.',
      'My account is locked. How long does that last?',
    ],
    right:
      'Ask for a new link under "Forgot password": it works for 30 minutes. After 5 wrong tries the account is locked for an hour, then it opens by itself.',
    vague: 'Ask for a new link under "Forgot password".',
    lacks: 'that the account opens again after an hour',
    wrong: 'Your password is reset to your date of birth. Please change it after signing in.',
    mistake: 'nothing like that exists, and it would not be safe',
  },
  {
    id: 'delete-account',
    area: 'account',
    needsOrder: false,
    article: 'Deleting an account',
    text: 'Accounts are deleted 14 days after the request in the privacy settings. Invoices are kept for 10 years by law. Open returns have to be finished first.',
    questions: [
      'Please delete my account and all my data.',
      'What do you keep when I delete my account?',
      'I want to close my account, but the {product} is still on its way back.',
    ],
    right:
      'You can ask for it in the privacy settings; the account is deleted after 14 days. Open returns have to be finished first, and invoices stay for 10 years because the law says so.',
    vague: 'You can delete the account in the privacy settings.',
    lacks: 'what is kept, and when it happens',
    wrong: 'I have deleted your account and all invoices just now.',
    mistake: 'the assistant cannot do that, and invoices are kept',
  },
  {
    id: 'newsletter',
    area: 'account',
    needsOrder: false,
    article: 'Newsletter',
    text: 'Every newsletter has a link to unsubscribe, which works at once. Messages about orders are still sent.',
    questions: [
      'Stop sending me newsletters about {product} offers.',
      'I unsubscribed but still get e-mails about {order}.',
      'How do I get fewer e-mails?',
    ],
    right:
      'The link at the end of each newsletter works at once, and so does the switch in your account. Messages about your orders are still sent.',
    vague: 'Use the link at the end of the newsletter.',
    lacks: 'that messages about orders are still sent',
    wrong: 'It takes up to 6 weeks until the newsletters stop.',
    mistake: 'it works at once',
  },
  {
    id: 'back-in-stock',
    area: 'products',
    needsOrder: false,
    article: 'Sold out',
    text: 'Press "Notify me" to get one message when an item is back. It reserves nothing. Restocks of this season come until the end of October.',
    questions: [
      'When is the {product} back in stock?',
      'The {product} is sold out in my size. Can you reserve one?',
      'Will there be more of the {product} this season?',
    ],
    right:
      'Press "Notify me" on the page of the {product} and you get one message when it is back. It reserves nothing, so be quick. Restocks come until the end of October.',
    vague: 'Press "Notify me" on the page of the {product}.',
    lacks: 'that nothing is reserved',
    wrong: 'I have reserved a {product} for you. It ships next Monday.',
    mistake: 'nothing can be reserved, and the date is made up',
  },
  {
    id: 'care',
    area: 'products',
    needsOrder: false,
    article: 'Washing and care',
    text: 'Down and membranes: 30 degrees, special detergent, no softener, tumble dry on low. Proof again after 5 washes.',
    questions: [
      'How do I wash the {product}?',
      'Can I put the {product} into the dryer?',
      'Water no longer runs off my {product}. What can I do?',
    ],
    right:
      'Wash the {product} at 30 degrees with a special detergent and no softener, then tumble dry on low. After 5 washes it needs proofing again, which brings the beads of water back.',
    vague: 'Wash the {product} at 30 degrees and without softener.',
    lacks: 'the drying and the proofing',
    wrong: 'Wash the {product} at 60 degrees with softener; that restores the coating.',
    mistake: 'that ruins the membrane',
  },
  {
    id: 'price-match',
    area: 'products',
    needsOrder: false,
    article: 'Lower price elsewhere',
    text: 'We match the price of a shop in the EU for the same article within 14 days of the purchase, not for clearance. Send a link; the difference becomes a voucher.',
    questions: [
      'Another shop has the {product} for less. Do you match that?',
      'I bought a {product} last week and now it is cheaper with you.',
      'How do I get the price difference for the {product}?',
    ],
    right:
      'Yes, within 14 days of the purchase we match the price of a shop in the EU for the same {product}, but not for clearance. Send us the link and you get the difference as a voucher.',
    vague: 'Yes, we match prices. Send us the link to the other shop.',
    lacks: 'the 14 days, and that it is a voucher',
    wrong: 'We do not match prices, but you may return the {product} and buy it again.',
    mistake: 'prices are matched within 14 days',
  },
]
