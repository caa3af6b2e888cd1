import Kernels
import Storage

/// What the figures were measured on.
struct Machine: Codable, Sendable {
    var processor: String
    var cores: Int
    var level: String

    /// This machine, by proc(5).
    init(_ disk: any Disk) throws {
        let lines = try disk.text(of: "/proc/cpuinfo", limit: 8 << 20).split(separator: "\n")
        let model = lines.first { $0.hasPrefix("model name") }
        processor = model?.split(separator: ":").last.map { String($0.dropFirst()) } ?? "unknown"
        cores = lines.count { $0.hasPrefix("processor") }
        level = InstructionLevel.best.rawValue
    }

    var line: String { "\(processor), \(cores) cores, kernels \(level)" }
}

/// What this process has used, by proc(5).
struct Usage {
    private let disk: any Disk

    init(_ disk: any Disk) { self.disk = disk }

    /// Bytes in memory now.
    func residentByteCount() throws -> Int64 { try byteCount("VmRSS") }

    /// Most bytes in memory so far, or since the peak was last made to begin anew.
    func peakByteCount() throws -> Int64 { try byteCount("VmHWM") }

    private func byteCount(_ field: String) throws -> Int64 {
        let lines = try disk.text(of: "/proc/self/status", limit: 1 << 20).split(separator: "\n")
        let words = lines.first { $0.hasPrefix(field) }?.split(whereSeparator: {
            $0 == " " || $0 == "\t"
        })
        guard let words, words.count > 1, let kilobytes = Int64(words[1]) else { return 0 }
        return kilobytes * 1024
    }

    /// A thread alive, and its seconds on a processor so far.
    struct ThreadTime {
        var name: String
        var seconds: Double
    }

    /// All threads alive, by their numbers.
    func threads() throws -> [String: ThreadTime] {
        var threads: [String: ThreadTime] = [:]
        for number in try disk.names(in: "/proc/self/task") {
            // A thread may end between the listing and the reading.
            let directory = "/proc/self/task/\(number)"
            guard let line = try? disk.text(of: "\(directory)/schedstat", limit: 4096),
                let name = try? disk.text(of: "\(directory)/comm", limit: 4096),
                let first = line.split(separator: " ").first, let time = Double(first)
            else { continue }
            threads[number] = ThreadTime(name: String(name.dropLast()), seconds: time / 1e9)
        }
        return threads
    }

    /// Seconds on a processor since `start`, by thread name; threads that ended are not in it.
    func seconds(since start: [String: ThreadTime]) throws -> [String: Double] {
        var seconds: [String: Double] = [:]
        for (number, thread) in try threads() {
            seconds[thread.name, default: 0] += thread.seconds - (start[number]?.seconds ?? 0)
        }
        return seconds
    }
}
