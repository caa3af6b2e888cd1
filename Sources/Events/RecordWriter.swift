/// Writes records as the log holds them: one JSON object and a newline.
///
/// The form is the parser's fast one. What `RecordParser` reads from it equals what was written,
/// but for `eventIDHash`: a hash cannot be written back, so an event that has an id needs its text.
package enum RecordWriter {
    /// Appends an event, with an id of at most 64 bytes; `event.eventIDHash` is not written.
    package static func append(
        _ event: Event, eventID: String? = nil, to line: inout [UInt8]
    ) {
        append(#"{"client_id":"#, &line)
        append(event.user.rawValue, &line)
        append(#","timestamp":"#, &line)
        append(event.seconds, &line)
        append(#","event_type":""#, &line)
        line += event.kind.name.utf8
        append("\"", &line)
        switch event.kind {
        case .searchQuery: if let query = event.query { append(#","query":"#, query, &line) }
        case .pageVisit: append(#","url":"#, event.key, &line)
        case .addToCart, .removeFromCart, .productBuy: append(#","sku":"#, event.key, &line)
        }
        if let eventID {
            append(#","event_id":"#, &line)
            append(quoted: eventID, &line)
        }
        append("}\n", &line)
    }

    /// Appends a catalogue update.
    ///
    /// `seconds` is when it became known, since 1970 UTC; nil leaves it out.
    package static func append(
        _ update: CatalogueUpdate, seconds: Int64?, to line: inout [UInt8]
    ) {
        append("{", &line)
        if let seconds {
            append(#""timestamp":"#, seconds, &line)
            append(",", &line)
        }
        append(#""event_type":"product_update","sku":"#, update.item.rawValue, &line)
        if let category = update.category { append(#","category":"#, category, &line) }
        if let price = update.price { append(#","price":"#, Int64(price), &line) }
        if let name = update.name { append(#","name":"#, name, &line) }
        append("}\n", &line)
    }

    private static func append(_ text: StaticString, _ line: inout [UInt8]) {
        line += text.description.utf8
    }

    private static func append(_ key: StaticString, _ value: Int64, _ line: inout [UInt8]) {
        append(key, &line)
        append(value, &line)
    }

    private static func append(_ key: StaticString, _ vector: TextVector, _ line: inout [UInt8]) {
        append(key, &line)
        for index in 0..<16 {
            line.append(UInt8(ascii: index == 0 ? "[" : ","))
            append(Int64(vector[index]), &line)
        }
        line.append(UInt8(ascii: "]"))
    }

    private static func append(_ value: Int64, _ line: inout [UInt8]) {
        if value < 0 { line.append(UInt8(ascii: "-")) }
        var rest = value.magnitude
        let start = line.count
        repeat {
            line.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10))
            rest /= 10
        } while rest > 0
        line[start...].reverse()
    }

    private static func append(quoted text: String, _ line: inout [UInt8]) {
        line.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                line.append(UInt8(ascii: "\\"))
                line.append(byte)
            case 0..<0x20:
                append("\\u00", &line)
                line.append(UInt8(ascii: byte < 0x10 ? "0" : "1"))
                let digit = byte & 15
                line.append(digit < 10 ? digit + 0x30 : digit + 0x57)
            default: line.append(byte)
            }
        }
        line.append(UInt8(ascii: "\""))
    }
}
