import Events
import Storage
import Testing

@Suite struct CatalogueTests {
    private let name = TextVector(low: 1, high: 2)
    private let item = ItemID(rawValue: -4)

    @Test func `keeps what an update does not name`() {
        var catalogue = Catalogue()
        #expect(catalogue[item] == nil)
        #expect(
            catalogue.apply(CatalogueUpdate(item: item, category: 0, price: 0))
                == CatalogueEntry(category: 0, price: 0))
        #expect(
            catalogue.apply(CatalogueUpdate(item: item, price: 7, name: name))
                == CatalogueEntry(category: 0, price: 7, name: name))
        #expect(catalogue[item] == CatalogueEntry(category: 0, price: 7, name: name))
    }

    @Test func `says when nothing has changed`() {
        var catalogue = Catalogue()
        let empty = CatalogueUpdate(item: item)
        #expect(catalogue.apply(empty) == CatalogueEntry())
        #expect(catalogue.apply(empty) == nil)
        #expect(catalogue.apply(CatalogueUpdate(item: item, category: 3)) != nil)
        #expect(catalogue.apply(CatalogueUpdate(item: item, category: 3)) == nil)
        #expect(catalogue.count == 1)
    }

    @Test func `tells absent from zero`() {
        let zero = CatalogueEntry(category: 0, price: 0, name: TextVector(low: 0, high: 0))
        #expect(zero != CatalogueEntry())
        var entry = zero
        (entry.category, entry.price, entry.name) = (nil, nil, nil)
        #expect(entry == CatalogueEntry())
        #expect(MemoryLayout<CatalogueEntry>.stride == 32)
    }

    @Test func `comes back from storage, ascending`() {
        var catalogue = Catalogue()
        var random = SeededRandom(seed: 3, stream: 1)
        for _ in 0..<500 {
            let key = Int64(bitPattern: random.next()) >> Int64(random.next() % 60)
            catalogue.apply(
                CatalogueUpdate(item: ItemID(rawValue: key), price: UInt8(random.next() % 100)))
        }
        let stored = catalogue.sorted()
        #expect(stored.map(\.item) == stored.map(\.item).sorted())
        let restored = Catalogue(stored)
        #expect(restored.count == catalogue.count)
        #expect(stored.allSatisfy { restored[$0.item] == $0.entry })
    }

    @Test func `enriches product events only`() {
        let catalogue = Catalogue([(item: item, entry: CatalogueEntry(category: 5, name: name))])
        for kind in EventKind.allCases {
            let event = Event(
                user: UserID(rawValue: 1), seconds: 2, kind: kind, key: item.rawValue)
            let enriched = catalogue.enrich(event)
            #expect(enriched.event == event)
            #expect(enriched.category == (kind.isProduct ? 5 : nil))
            #expect(enriched.name == (kind.isProduct ? name : nil))
            #expect(enriched.price == nil)
        }
    }
}

@Suite struct RecordWriterTests {
    private func event(_ random: inout SeededRandom) -> Event {
        let kind = EventKind.allCases[Int(random.next() % 5)]
        let hasQuery = kind == .searchQuery && random.next() % 4 > 0
        return Event(
            user: UserID(rawValue: Int64(bitPattern: random.next()) >> Int64(random.next() % 64)),
            seconds: Int64(random.next() % 4_102_444_800), kind: kind,
            key: kind == .searchQuery ? 0 : Int64(bitPattern: random.next()),
            query: hasQuery ? TextVector(low: random.next(), high: random.next()) : nil)
    }

    @Test func `writes what the parser reads back`() throws {
        var random = SeededRandom(seed: 8, stream: 2)
        for index in 0..<5_000 {
            var line: [UInt8] = []
            var event = event(&random)
            let id = index % 3 == 0 ? "\"\\\u{1}\u{1F}é\n\(index)" : nil
            RecordWriter.append(event, eventID: id, to: &line)
            if let id { event.eventIDHash = TextHash.eventID(Array(id.utf8).span) }
            #expect(line.removeLast() == 0x0A)
            #expect(try RecordParser().parse(line.span) == .event(event))
        }
    }

    @Test func `writes updates that the parser reads back`() throws {
        var random = SeededRandom(seed: 9, stream: 2)
        for fields in 0..<64 {
            let update = CatalogueUpdate(
                item: ItemID(rawValue: Int64(bitPattern: random.next())),
                category: fields & 1 != 0 ? Int64.min : nil,
                price: fields & 2 != 0 ? UInt8(random.next() % 100) : nil,
                name: fields & 4 != 0 ? TextVector(low: random.next(), high: 0) : nil)
            var line: [UInt8] = []
            RecordWriter.append(update, seconds: fields & 8 != 0 ? 77 : nil, to: &line)
            #expect(line.removeLast() == 0x0A)
            #expect(try RecordParser().parse(line.span) == .catalogue(update))
        }
    }

    @Test func `writes the form that is documented`() {
        var line: [UInt8] = []
        let user = UserID(rawValue: -1)
        RecordWriter.append(Event(user: user, seconds: 2, kind: .addToCart, key: 3), to: &line)
        let query = TextVector(Array(0...15))
        RecordWriter.append(
            Event(user: user, seconds: 2, kind: .searchQuery, query: query), to: &line)
        #expect(
            String(decoding: line, as: UTF8.self)
                == #"{"client_id":-1,"timestamp":2,"event_type":"add_to_cart","sku":3}"# + "\n"
                + #"{"client_id":-1,"timestamp":2,"event_type":"search_query","#
                + #""query":[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15]}"# + "\n")
    }
}
