import Storage

/// The six event types of the data: `EventKind`'s five and the catalogue's own.
enum RecordType: UInt8 {
    case pageVisit
    case searchQuery
    case addToCart
    case removeFromCart
    case productBuy
    case productUpdate
    case unknown

    /// Recognises `text` by its length, its first and its last eight bytes.
    @inline(__always)
    init(_ text: Span<UInt8>) {
        guard text.count >= 10, text.count <= 16 else {
            self = .unknown
            return
        }
        self.init(
            byteCount: text.count, first: text.word(at: 0), last: text.word(at: text.count &- 8))
    }

    @inline(__always)
    private init(byteCount: Int, first: UInt64, last: UInt64) {
        switch (byteCount, first, last) {
        case (10, literalWord("page_vis"), literalWord("ge_visit")): self = .pageVisit
        case (12, literalWord("search_q"), literalWord("ch_query")): self = .searchQuery
        case (11, literalWord("add_to_c"), literalWord("_to_cart")): self = .addToCart
        case (16, literalWord("remove_f"), literalWord("rom_cart")): self = .removeFromCart
        case (11, literalWord("product_"), literalWord("duct_buy")): self = .productBuy
        case (14, literalWord("product_"), literalWord("t_update")): self = .productUpdate
        default: self = .unknown
        }
    }

    /// nil for the catalogue's update.
    var kind: EventKind? { EventKind(rawValue: rawValue) }

    /// Fields it must have; bit `RecordField.rawValue`.
    @inline(__always)
    var required: UInt16 {
        switch self {
        case .pageVisit: Self.mask(.clientID, .timestamp, .eventType, .url)
        case .searchQuery: Self.mask(.clientID, .timestamp, .eventType)
        case .productUpdate: Self.mask(.eventType, .sku)
        default: Self.mask(.clientID, .timestamp, .eventType, .sku)
        }
    }

    /// Fields it reads.
    @inline(__always)
    var used: UInt16 {
        switch self {
        case .searchQuery: required | Self.mask(.query, .eventID)
        case .productUpdate: required | Self.mask(.timestamp, .category, .price, .name)
        default: required | Self.mask(.eventID)
        }
    }

    @inline(__always)
    private static func mask(_ fields: RecordField...) -> UInt16 {
        fields.reduce(0) { $0 | 1 &<< UInt16($1.rawValue) }
    }
}

extension RecordField {
    /// The field whose key and closing quote begin `word`; `later` begins four bytes after it.
    @inline(__always)
    static func starting(_ word: UInt64, _ later: UInt64) -> (RecordField, byteCount: Int)? {
        let later5 = later & 0xFF_FFFF_FFFF
        let later6 = later & 0xFFFF_FFFF_FFFF
        let later7 = later & 0xFF_FFFF_FFFF_FFFF
        return switch word {
        case literalWord("client_i"): later6 == literalWord("nt_id\"") ? (.clientID, 9) : nil
        case literalWord("timestam"): later6 == literalWord("stamp\"") ? (.timestamp, 9) : nil
        case literalWord("event_ty"): later7 == literalWord("t_type\"") ? (.eventType, 10) : nil
        case literalWord("category"): later5 == literalWord("gory\"") ? (.category, 8) : nil
        case literalWord("event_id"): later5 == literalWord("t_id\"") ? (.eventID, 8) : nil
        default: startingShort(word)
        }
    }

    @inline(__always)
    private static func startingShort(_ word: UInt64) -> (RecordField, byteCount: Int)? {
        let first4 = word & 0xFFFF_FFFF
        let first5 = word & 0xFF_FFFF_FFFF
        let first6 = word & 0xFFFF_FFFF_FFFF
        if first4 == literalWord("sku\"") { return (.sku, 3) }
        if first4 == literalWord("url\"") { return (.url, 3) }
        if first6 == literalWord("query\"") { return (.query, 5) }
        if first6 == literalWord("price\"") { return (.price, 5) }
        if first5 == literalWord("name\"") { return (.name, 4) }
        return nil
    }
}
