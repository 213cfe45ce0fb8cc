// SPDX-License-Identifier: Apache-2.0

internal import CKernels

/// The kernels that read and write pages of one element type.
struct KVOperations {
    let attend:
        @convention(c) (
            UnsafePointer<apus_kv_view>, UnsafeMutablePointer<apus_attention_query>, Int, Int, Int,
            UnsafeMutablePointer<Float>
        ) -> Void
    let store:
        @convention(c) (
            UnsafePointer<apus_kv_view>, UnsafeMutablePointer<UInt8>, Int, UnsafePointer<Float>,
            UnsafePointer<Float>
        ) -> Void
    let attendLatent:
        @convention(c) (
            UnsafePointer<apus_kv_view>, UnsafePointer<UnsafePointer<Float>>, Int, Int,
            UnsafePointer<UnsafeMutablePointer<Float>>, UnsafeMutablePointer<Float>
        ) -> Void
    let storeLatent:
        @convention(c) (
            UnsafePointer<apus_kv_view>, UnsafeMutablePointer<UInt8>, Int, UnsafePointer<Float>
        ) -> Void
    let loadLatents:
        @convention(c) (
            UnsafePointer<apus_kv_view>, Int, Int, UnsafeMutablePointer<Float>
        ) -> Void

    init(_ type: KVType, isa: apus_isa) {
        let vectors = apus_vectors(isa).pointee
        let operations =
            switch type {
            case .f16: vectors.f16
            case .bf16: vectors.bf16
            case .f32: vectors.f32
            case .q8: vectors.q8
            }
        attend = operations.attend
        store = operations.store
        attendLatent = operations.attend_latent
        storeLatent = operations.store_latent
        loadLatents = operations.load_latents
    }
}
