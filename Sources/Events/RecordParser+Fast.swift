import Storage

/// The fast path: exactly the form that `RecordWriter` gives events, without `event_id`.
///
/// `{"client_id":N,"timestamp":N,"event_type":"…","sku|url":N}` and
/// `…"search_query","query":[n,…]}`, no white space. Keys are compared eight bytes at a time, the
/// last word of a key overlapping the one before. Whatever is unusual is left to the general path.
extension RecordParser {
    /// The event, or nil when the general path must look.
    @inline(__always)
    func parseFast(_ bytes: Span<UInt8>) -> Event? {
        guard bytes.word(at: 0) == literalWord("{\"client"),
            bytes.word(at: 5) == literalWord("ent_id\":")
        else { return nil }
        var position = 13
        guard let client = bytes.fastInteger(&position),
            bytes.word(at: position) == literalWord(",\"timest"),
            bytes.word(at: position &+ 5) == literalWord("estamp\":")
        else { return nil }
        position &+= 13
        guard let seconds = bytes.fastInteger(&position), seconds >= earliest, seconds <= latest,
            bytes.word(at: position) == literalWord(",\"event_"),
            bytes.word(at: position &+ 7) == literalWord("_type\":\"")
        else { return nil }
        position &+= 15
        guard let kind = bytes.fastKind(&position) else { return nil }
        var event = Event(user: UserID(rawValue: client), seconds: seconds, kind: kind)
        if kind == .searchQuery {
            if bytes.byte(at: position) != UInt8(ascii: "}") {
                guard let query = bytes.fastQuery(&position) else { return nil }
                event.query = query
            }
        } else {
            let key = kind == .pageVisit ? literalWord(",\"url\":") : literalWord(",\"sku\":")
            guard bytes.word(at: position) & 0xFF_FFFF_FFFF_FFFF == key else { return nil }
            position &+= 7
            guard let value = bytes.fastInteger(&position) else { return nil }
            event.key = value
        }
        guard bytes.byte(at: position) == UInt8(ascii: "}"), position &+ 1 == bytes.count else {
            return nil
        }
        return event
    }
}

extension Span<UInt8> {
    /// An integer of at most nineteen digits, beyond ±(2^63 − 1) none, and no leading zero.
    @inline(__always)
    fileprivate func fastInteger(_ position: inout Int) -> Int64? {
        let isNegative = byte(at: position) == UInt8(ascii: "-")
        if isNegative { position &+= 1 }
        let first = byte(at: position)
        let digits = scanDigits(&position)
        guard digits.count > 0, digits.count <= 19, digits.value <= UInt64(Int64.max),
            digits.count == 1 || first != UInt8(ascii: "0")
        else { return nil }
        let value = Int64(truncatingIfNeeded: digits.value)
        return isNegative ? 0 &- value : value
    }

    /// An event type and its closing quote.
    @inline(__always)
    fileprivate func fastKind(_ position: inout Int) -> EventKind? {
        let start = position
        switch word(at: start) {
        case literalWord("page_vis"):
            position &+= 11
            return word(at: start &+ 3) == literalWord("e_visit\"") ? .pageVisit : nil
        case literalWord("add_to_c"):
            position &+= 12
            return word(at: start &+ 4) == literalWord("to_cart\"") ? .addToCart : nil
        case literalWord("product_"):
            position &+= 12
            return word(at: start &+ 4) == literalWord("uct_buy\"") ? .productBuy : nil
        case literalWord("remove_f"):
            position &+= 17
            return word(at: start &+ 8) == literalWord("rom_cart")
                && byte(at: start &+ 16) == UInt8(ascii: "\"") ? .removeFromCart : nil
        case literalWord("search_q"):
            position &+= 13
            return word(at: start &+ 5) == literalWord("h_query\"") ? .searchQuery : nil
        default: return nil
        }
    }

    /// `,"query":[` and sixteen components with commas between them and a bracket at the end.
    @inline(__always)
    fileprivate func fastQuery(_ position: inout Int) -> TextVector? {
        guard word(at: position) == literalWord(",\"query\""),
            word(at: position &+ 2) == literalWord("query\":[")
        else { return nil }
        position &+= 10
        guard let low = fastComponents(&position, last: UInt8(ascii: ",")),
            let high = fastComponents(&position, last: UInt8(ascii: "]"))
        else { return nil }
        return TextVector(low: low, high: high)
    }

    /// Eight components; `last` is the byte after the eighth.
    @inline(__always)
    private func fastComponents(_ position: inout Int, last: UInt8) -> UInt64? {
        var word: UInt64 = 0
        for index in 0..<8 {
            let start = position
            var value = UInt64(byte(at: position) &- 0x30)
            guard value < 10 else { return nil }
            position &+= 1
            while true {
                let digit = UInt64(byte(at: position) &- 0x30)
                guard digit < 10 else { break }
                // A leading zero, or more than three digits, is for the general path to judge.
                guard value != 0, position &- start < 3 else { return nil }
                value = value &* 10 &+ digit
                position &+= 1
            }
            guard value < 256,
                byte(at: position) == (index == 7 ? last : UInt8(ascii: ","))
            else { return nil }
            position &+= 1
            word |= value &<< UInt64(8 &* index)
        }
        return word
    }
}
