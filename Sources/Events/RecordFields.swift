import Storage

/// The general path: a record's fields as they are met, judged once its event type is known.
struct RecordFields {
    /// Bit `RecordField.rawValue` of each: met; met and not null.
    private var seen: UInt16 = 0
    private var present: UInt16 = 0
    /// Keys that no event type has.
    private var unknownCount = 0
    private var faults: [(field: RecordField, error: RecordError)] = []

    private var type = RecordType.unknown
    private var typeText = BytePrefix(Span())
    private var client: Int64 = 0
    private var seconds: Int64 = 0
    private var sku: Int64 = 0
    private var url: Int64 = 0
    private var category: Int64 = 0
    private var price: Int64 = 0
    private var query = TextVector(low: 0, high: 0)
    private var name = TextVector(low: 0, high: 0)
    private var eventIDHash: UInt64 = 0

    /// Keys of the record that its event type does not use.
    var ignoredCount: Int {
        unknownCount + (present & ~type.used).nonzeroBitCount
    }

    /// Reads one object from its brace to its brace.
    mutating func scan(_ bytes: Span<UInt8>, _ position: inout Int) throws(RecordError) {
        try bytes.take(UInt8(ascii: "{"), &position)
        bytes.skipSpace(&position)
        if bytes.byte(at: position) == UInt8(ascii: "}") {
            position += 1
            return
        }
        while true {
            let field = try scanKey(bytes, &position)
            bytes.skipSpace(&position)
            try bytes.take(UInt8(ascii: ":"), &position)
            bytes.skipSpace(&position)
            if let field {
                try scanValue(of: field, bytes, &position)
            } else {
                unknownCount += 1
                try bytes.skipValue(&position, openCount: 1)
            }
            bytes.skipSpace(&position)
            let next = bytes.byte(at: position)
            guard next == UInt8(ascii: ",") else {
                try bytes.take(UInt8(ascii: "}"), &position)
                return
            }
            position &+= 1
            bytes.skipSpace(&position)
        }
    }

    /// Moves over a key; nil when it is none of ours.
    @inline(__always)
    private func scanKey(
        _ bytes: Span<UInt8>, _ position: inout Int
    ) throws(RecordError) -> RecordField? {
        if bytes.byte(at: position) == UInt8(ascii: "\""),
            let (field, byteCount) = RecordField.starting(
                bytes.word(at: position &+ 1), bytes.word(at: position &+ 5))
        {
            position &+= byteCount &+ 2
            return field
        }
        return try scanOddKey(bytes, &position)
    }

    private func scanOddKey(
        _ bytes: Span<UInt8>, _ position: inout Int
    ) throws(RecordError) -> RecordField? {
        let key = try bytes.scanString(&position)
        guard key.isEscaped else { return nil }
        let text = try bytes.unescaped(key)
        return RecordField.allCases.first { text.elementsEqual($0.key.utf8) }
    }

    private mutating func scanValue(
        of field: RecordField, _ bytes: Span<UInt8>, _ position: inout Int
    ) throws(RecordError) {
        let bit: UInt16 = 1 &<< UInt16(field.rawValue)
        if seen & bit != 0 { fault(field, .duplicateField(field)) }
        seen |= bit
        if bytes.byte(at: position) == UInt8(ascii: "n") {
            try bytes.skipLiteral(&position)
            return
        }
        present |= bit
        switch field {
        case .clientID: client = try scanID(field, bytes, &position)
        case .sku: sku = try scanID(field, bytes, &position)
        case .url: url = try scanID(field, bytes, &position)
        case .category: category = try scanID(field, bytes, &position)
        case .timestamp: try scanTimestamp(bytes, &position)
        case .eventType: try scanType(bytes, &position)
        case .price:
            price = try scanNumber(field, bytes, &position)
            if price < 0 || price > 99 { fault(field, .outOfRange(field)) }
        case .query: query = try scanVector(field, bytes, &position)
        case .name: name = try scanVector(field, bytes, &position)
        case .eventID: try scanEventID(bytes, &position)
        }
    }

    private mutating func fault(_ field: RecordField, _ error: RecordError) {
        faults.append((field, error))
    }
}

/// Judging.
extension RecordFields {
    /// What the record says, or the first of its faults.
    func record(
        _ bytes: Span<UInt8>, earliest: Int64, latest: Int64
    ) throws(RecordError) -> Record {
        if let fault = faults.first(where: { isDuplicate($0.error) }) { throw fault.error }
        try check(.eventType, isRequired: true)
        guard type != .unknown else { throw .unknownEventType(typeText) }
        // `missing` and `faults` are looked at only when there are any, which is rare.
        let missing = type.required & ~present
        if missing != 0 || !faults.isEmpty {
            for field in RecordField.allCases where type.used >> UInt16(field.rawValue) & 1 == 1 {
                let isRequired = type.required >> UInt16(field.rawValue) & 1 == 1
                try check(field, isRequired: isRequired)
            }
        }
        if has(.timestamp), seconds < earliest || seconds > latest {
            throw .timestampOutOfRange(seconds: seconds, earliest: earliest, latest: latest)
        }
        guard let kind = type.kind else {
            return .catalogue(
                CatalogueUpdate(
                    item: ItemID(rawValue: sku), category: has(.category) ? category : nil,
                    price: has(.price) ? UInt8(truncatingIfNeeded: price) : nil,
                    name: has(.name) ? name : nil))
        }
        return .event(
            Event(
                user: UserID(rawValue: client), seconds: seconds, kind: kind,
                key: kind == .pageVisit ? url : kind == .searchQuery ? 0 : sku,
                query: kind == .searchQuery && has(.query) ? query : nil,
                eventIDHash: eventIDHash))
    }

    private func check(_ field: RecordField, isRequired: Bool) throws(RecordError) {
        if let fault = faults.first(where: { $0.field == field }) { throw fault.error }
        if isRequired && !has(field) { throw .missingField(field) }
    }

    @inline(__always)
    private func has(_ field: RecordField) -> Bool {
        present &>> UInt16(field.rawValue) & 1 == 1
    }

    private func isDuplicate(_ error: RecordError) -> Bool {
        if case .duplicateField = error { true } else { false }
    }
}

/// Values.
extension RecordFields {
    /// A number; 0 and a fault when it is something else.
    @inline(__always)
    private mutating func scanNumber(
        _ field: RecordField, _ bytes: Span<UInt8>, _ position: inout Int
    ) throws(RecordError) -> Int64 {
        let first = bytes.byte(at: position)
        guard first &- 0x30 < 10 || first == UInt8(ascii: "-") else {
            try refuse(field, bytes, &position)
            return 0
        }
        switch try bytes.scanInteger(&position) {
        case .value(let value): return value
        case .overflow: fault(field, .outOfRange(field))
        case .fraction: fault(field, .wrongType(field))
        }
        return 0
    }

    /// A number or a decimal string.
    @inline(__always)
    private mutating func scanID(
        _ field: RecordField, _ bytes: Span<UInt8>, _ position: inout Int
    ) throws(RecordError) -> Int64 {
        guard bytes.byte(at: position) == UInt8(ascii: "\"") else {
            return try scanNumber(field, bytes, &position)
        }
        let string = try bytes.scanString(&position)
        let text = string.isEscaped ? try bytes.unescaped(string) : []
        let span = string.isEscaped ? text.span : bytes.extracting(string.start..<string.end)
        switch DecimalText.integer(span) {
        case .value(let value): return value
        case .overflow: fault(field, .outOfRange(field))
        case .fraction: fault(field, .wrongType(field))
        }
        return 0
    }

    private mutating func scanTimestamp(
        _ bytes: Span<UInt8>, _ position: inout Int
    ) throws(RecordError) {
        guard bytes.byte(at: position) == UInt8(ascii: "\"") else {
            seconds = try scanNumber(.timestamp, bytes, &position)
            return
        }
        let string = try bytes.scanString(&position)
        let text = string.isEscaped ? try bytes.unescaped(string) : []
        let span = string.isEscaped ? text.span : bytes.extracting(string.start..<string.end)
        if let value = CalendarTime.seconds(span) {
            seconds = value
        } else {
            fault(.timestamp, .malformedTimestamp(BytePrefix(span)))
        }
    }

    private mutating func scanType(
        _ bytes: Span<UInt8>, _ position: inout Int
    ) throws(RecordError) {
        guard bytes.byte(at: position) == UInt8(ascii: "\"") else {
            try refuse(.eventType, bytes, &position)
            return
        }
        let string = try bytes.scanString(&position)
        let text = string.isEscaped ? try bytes.unescaped(string) : []
        let span = string.isEscaped ? text.span : bytes.extracting(string.start..<string.end)
        type = RecordType(span)
        if type == .unknown { typeText = BytePrefix(span) }
    }

    private mutating func scanEventID(
        _ bytes: Span<UInt8>, _ position: inout Int
    ) throws(RecordError) {
        guard bytes.byte(at: position) == UInt8(ascii: "\"") else {
            let value = try scanNumber(.eventID, bytes, &position)
            eventIDHash = TextHash.eventID(Array(String(value).utf8).span)
            return
        }
        let string = try bytes.scanString(&position)
        let text = string.isEscaped ? try bytes.unescaped(string) : []
        let span = string.isEscaped ? text.span : bytes.extracting(string.start..<string.end)
        let limit = RecordParser.eventIDByteLimit
        if span.count > limit {
            fault(.eventID, .tooLong(.eventID, byteCount: span.count, limit: limit))
        }
        eventIDHash = span.isEmpty ? 0 : TextHash.eventID(span)
    }

    /// Sixteen integers, as an array or in the challenge's text form `[1 2 3 …]`.
    private mutating func scanVector(
        _ field: RecordField, _ bytes: Span<UInt8>, _ position: inout Int
    ) throws(RecordError) -> TextVector {
        let first = bytes.byte(at: position)
        if first == UInt8(ascii: "[") {
            var builder = VectorBuilder()
            try builder.scan(bytes, &position)
            if let error = builder.error(field) { fault(field, error) }
            return builder.vector
        }
        guard first == UInt8(ascii: "\"") else {
            try refuse(field, bytes, &position)
            return TextVector(low: 0, high: 0)
        }
        let string = try bytes.scanString(&position)
        let text = string.isEscaped ? try bytes.unescaped(string) : []
        var builder = VectorBuilder()
        builder.read(
            string.isEscaped ? text.span : bytes.extracting(string.start..<string.end))
        if let error = builder.error(field) { fault(field, error) }
        return builder.vector
    }

    private mutating func refuse(
        _ field: RecordField, _ bytes: Span<UInt8>, _ position: inout Int
    ) throws(RecordError) {
        try bytes.skipValue(&position, openCount: 1)
        fault(field, .wrongType(field))
    }
}
