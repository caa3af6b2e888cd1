import Events
import Storage

/// Writes the truth beside the log: npy files, and a manifest that says what is in them.
final class TruthWriter {
    /// A file that grows with the users, and which of `TruthRows` it is.
    private struct Part {
        let stream: NpyStream
        let rows: String
        let columns: [String]
        let dtype: String
        let bytes: KeyPath<TruthRows, [UInt8]>?
    }

    private let directory: String
    private let host: Host
    private let shop: Shop
    private var parts: [Part] = []

    init(_ directory: String, shop: Shop, host: Host) throws(StorageError) {
        self.directory = directory
        self.host = host
        self.shop = shop
        try host.disk.makeDirectory(directory)
        let users = "users, in the order of client_ids"
        let cutoffs = shop.calendar.cutoffDays.map { "cutoff day \($0)" }
        let departments = (0..<ShopParameters.departmentCount).map { "department \($0)" }
        try open("client_ids.npy", .int64, users, ["client_id"], \.userIDs, isFlat: true)
        try open("users.npy", .float64, users, TruthRows.traitNames, \.traits)
        try open("department_affinity.npy", .float16, users, departments, \.departments)
        if shop.calendar.hasShift {
            try open(
                "department_affinity_after.npy", .float16, users, departments, \.departmentsAfter)
        }
        let axes = (0..<Latent.scalarCount).map { "axis \($0)" }
        try open("taste.npy", .float16, users, axes, \.tastes)
        if shop.calendar.hasShift {
            try open("taste_after.npy", .float16, users, axes, \.tastesAfter)
        }
        try open("state.npy", .float16, users, cutoffs, \.states)
        try open("buy_probability.npy", .float16, users, cutoffs, \.buyChances)
        try open("churn_probability.npy", .float16, users, cutoffs, \.churnChances)
        try open(
            "favourites.npy", .int64, "favourites that take a slot from a day's beginning on",
            ["client_id", "day", "slot", "category"], \.favourites)
    }

    /// Writes the rows of some users.
    func append(_ rows: TruthRows) throws(StorageError) {
        for part in parts {
            if let bytes = part.bytes { try part.stream.append(rows[keyPath: bytes]) }
        }
    }

    /// Writes what is true of the shop, and then the manifest.
    func finish(_ options: SimulationOptions, events: [String: Int]) throws(StorageError) {
        try writeCategories()
        try writeItems()
        try writeItemTastes()
        try writeUrls()
        var files: [TruthManifest.File] = []
        for part in parts {
            let (shape, digest) = try part.stream.finish(on: host.disk)
            files.append(
                TruthManifest.File(
                    name: part.stream.name, dtype: part.dtype, shape: shape, rows: part.rows,
                    columns: part.columns, digest: digest))
        }
        let calendar = shop.calendar
        let manifest = TruthManifest(
            users: options.userCount, days: options.dayCount, seed: String(options.seed),
            startSeconds: options.startSeconds, shiftDay: options.shiftDay,
            lateShare: options.lateShare, model: TruthModel(calendar),
            cutoffDays: calendar.cutoffDays,
            cutoffSeconds: calendar.cutoffDays.map { calendar.seconds(day: $0, tick: 0) },
            events: events, files: files)
        try host.disk.syncDirectory(directory)
        try AtomicFile.write(manifest.encoded(), to: directory + "/manifest.json", on: host)
    }

    private func open(
        _ name: String, _ element: NpyHeader.Element, _ rows: String, _ columns: [String],
        _ bytes: KeyPath<TruthRows, [UInt8]>?, isFlat: Bool = false
    ) throws(StorageError) {
        let stream = try NpyStream(
            name, in: directory, element, columns: isFlat ? nil : columns.count, on: host.disk)
        parts.append(
            Part(
                stream: stream, rows: rows, columns: columns, dtype: "\(element)", bytes: bytes))
    }

    /// Writes a file of int64 columns, a mebibyte at a time.
    private func table(
        _ name: String, _ rows: String, _ columns: [String], count: Int,
        _ row: (Int) -> [Int64]
    ) throws(StorageError) {
        try open(name, .int64, rows, columns, nil)
        guard let stream = parts.last?.stream else { return }
        var bytes: [UInt8] = []
        for index in 0..<count {
            for number in row(index) { bytes.append(little: number) }
            if bytes.count >= 1 << 20 {
                try stream.append(bytes)
                bytes.removeAll(keepingCapacity: true)
            }
        }
        try stream.append(bytes)
    }

    private func writeCategories() throws(StorageError) {
        let categories = shop.categories
        try table(
            "categories.npy", "categories", ["category", "department"], count: categories.count
        ) { index in
            [shop.categoryIDs.id(index), Int64(categories[index].department)]
        }
        let sides = shop.calendar.hasShift ? [false, true] : [false]
        try open(
            "category_share.npy", .float64, "categories, in the order of categories.npy",
            sides.map {
                $0 ? "share of its department after the shift" : "share of its department"
            },
            nil)
        var bytes: [UInt8] = []
        for (index, category) in categories.enumerated() {
            for side in sides {
                let share = shop.share(
                    ofPlace: index / ShopParameters.departmentCount,
                    department: category.department, isShifted: side)
                bytes.append(little: Int64(bitPattern: share.bitPattern))
            }
        }
        try parts.last?.stream.append(bytes)
    }

    private func writeItems() throws(StorageError) {
        let items = shop.items
        try table(
            "items.npy", "items",
            ["sku", "category", "first day in the catalogue", "price bucket on that day"],
            count: items.count
        ) { index in
            let item = items[index]
            return [
                shop.itemIDs.id(index), shop.categoryIDs.id(Int(item.category)),
                Int64(item.firstDay), Int64(shop.price(index, day: Int(item.firstDay))),
            ]
        }
    }

    /// What decides between the items of a category, beside their rank.
    private func writeItemTastes() throws(StorageError) {
        let items = shop.items
        try table(
            "item_prices.npy", "items, in the order of items.npy",
            [
                "price bucket at the start", "day of its change, or 2147483647",
                "price bucket from then on", "price bucket from the shift on",
            ],
            count: items.count
        ) { index in
            let item = items[index]
            return [
                Int64(item.price), Int64(item.changeDay), Int64(item.changedPrice),
                Int64(item.shiftedPrice),
            ]
        }
        try open(
            "item_taste.npy", .float16,
            "items, in the order of items.npy: position less that of the category",
            (0..<Latent.scalarCount).map { "axis \($0)" }, nil)
        var bytes: [UInt8] = []
        for item in items {
            let offset = item.position - shop.categories[Int(item.category)].position
            for axis in 0..<Latent.scalarCount { bytes.append(half: offset[axis]) }
        }
        try parts.last?.stream.append(bytes)
    }

    private func writeUrls() throws(StorageError) {
        try table(
            "urls.npy", "urls", ["url", "sku whose page it is, or -1"], count: shop.urls.count
        ) { index in
            [
                shop.urls.ids.id(index),
                shop.urls.item(ofUrl: index).map { shop.itemIDs.id($0) } ?? -1,
            ]
        }
    }
}
