//! Published vectors of the algorithms, hexadecimal.

use config::{Encryption, Hash};

/// A cipher's vector.
pub(super) struct CipherVector {
    pub(super) encryption: Encryption,
    pub(super) key: &'static str,
    /// IV or nonce.
    pub(super) iv: &'static str,
    pub(super) aad: &'static str,
    pub(super) plaintext: &'static str,
    pub(super) ciphertext: &'static str,
    /// GCM only.
    pub(super) icv: &'static str,
}

const ZEROS: &str = "0000000000000000000000000000000000000000000000000000000000000000";
const ZERO_BLOCK: &str = ZEROS.split_at(32).0;
/// Blocks of NIST SP 800-38A appendix F.
const NIST_PLAINTEXT: &str = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51";
const NIST_IV: &str = "000102030405060708090a0b0c0d0e0f";
/// Text and nonce of the GCM specification's test cases 3, 9 and 15.
const GCM_PLAINTEXT: &str = "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72\
                             1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255";
const GCM_NONCE: &str = "cafebabefacedbaddecaf888";

pub(super) const CIPHER_VECTORS: &[CipherVector] = &[
    // RFC 3602 section 4, case 1.
    cbc(
        Encryption::Aes128,
        "06a9214036b8a15b512e03d534120006",
        "3dafba429d9eb430b422da802c9fac41",
        "53696e676c6520626c6f636b206d7367",
        "e353779c1079aeb82708942dbe77181a",
    ),
    // RFC 3602 section 4, case 2.
    cbc(
        Encryption::Aes128,
        "c286696d887c9aa0611bbb3e2025a45a",
        "562e17996d093d28ddb3ba695a2e6f58",
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        "d296cd94c2cccf8a3a863028b5e1dc0a7586602d253cfff91b8266bea6d61ab1",
    ),
    // NIST SP 800-38A F.2.3.
    cbc(
        Encryption::Aes192,
        "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
        NIST_IV,
        NIST_PLAINTEXT,
        "4f021db243bc633d7178183a9fa071e8b4d9ada9ad7dedf4e5e738763f69145a",
    ),
    // NIST SP 800-38A F.2.5.
    cbc(
        Encryption::Aes256,
        "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
        NIST_IV,
        NIST_PLAINTEXT,
        "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d",
    ),
    // FIPS PUB 81 appendix C.
    cbc(
        Encryption::Des,
        "0123456789abcdef",
        "1234567890abcdef",
        "4e6f77206973207468652074696d6520666f7220616c6c20",
        "e5c7cdde872bf27c43e934008c389c0f683788499a7c05f6",
    ),
    // NIST SP 800-67 appendix B, the first block; with a zero IV, CBC is ECB there.
    cbc(
        Encryption::TripleDes,
        "0123456789abcdef23456789abcdef01456789abcdef0123",
        "0000000000000000",
        "5468652071756663",
        "a826fd8ce53b855f",
    ),
    // GCM specification, test cases 1, 2, 7, 8, 13 and 14.
    gcm_of_zeros(
        Encryption::AesGcm128,
        "",
        "",
        "58e2fccefa7e3061367f1d57a4e7455a",
    ),
    gcm_of_zeros(
        Encryption::AesGcm128,
        ZERO_BLOCK,
        "0388dace60b6a392f328c2b971b2fe78",
        "ab6e47d42cec13bdf53a67b21257bddf",
    ),
    gcm_of_zeros(
        Encryption::AesGcm192,
        "",
        "",
        "cd33b28ac773f74ba00ed1f312572435",
    ),
    gcm_of_zeros(
        Encryption::AesGcm192,
        ZERO_BLOCK,
        "98e7247c07f0fe411c267e4384b0f600",
        "2ff58d80033927ab8ef4d4587514f0fb",
    ),
    gcm_of_zeros(
        Encryption::AesGcm256,
        "",
        "",
        "530f8afbc74536b9a963b4f1c4cb738b",
    ),
    gcm_of_zeros(
        Encryption::AesGcm256,
        ZERO_BLOCK,
        "cea7403d4d606b6e074ec5d3baf39d18",
        "d0d1c8a799996bf0265b98b5d48ab919",
    ),
    // Test cases 3, 9 and 15.
    gcm(
        Encryption::AesGcm128,
        "feffe9928665731c6d6a8f9467308308",
        "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e\
         21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091473f5985",
        "4d5c2af327cd64a62cf35abd2ba6fab4",
    ),
    gcm(
        Encryption::AesGcm192,
        "feffe9928665731c6d6a8f9467308308feffe9928665731c",
        "3980ca0b3c00e841eb06fac4872a2757859e1ceaa6efd984628593b40ca1e19c\
         7d773d00c144c525ac619d18c84a3f4718e2448b2fe324d9ccda2710acade256",
        "9924a7c8587336bfb118024db8674a14",
    ),
    gcm(
        Encryption::AesGcm256,
        "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa\
         8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad",
        "b094dac5d93471bdec1a502270e3cc6c",
    ),
    // An ESP packet of draft-mcgrew-gcm-test section 2 with an extended sequence number.
    CipherVector {
        encryption: Encryption::AesGcm128,
        key: "4c80cdefbb5d10da906ac73c3613a634",
        iv: "2e443b684956ed7e3b244cfe",
        aad: "000043218765432100000000",
        plaintext: "45000048699a000080114db7c0a80102c0a801010a9bf15638d3010000010000\
                    00000000045f736970045f756470037369700963796265726369747902646b00\
                    0021000101020201",
        ciphertext: "fecf537e729d5b07dc30df528dd22b768d1b98736696a6fd348509fa13ceac34\
                     cfa2436f14a3f3cf65925bf1f4a13c5d15b21e1884f5ff6247aeabb786b93bce\
                     61bc17d768fd9732",
        icv: "459018148f6cbe722fd04796562dfdb4",
    },
];

const fn cbc(
    encryption: Encryption,
    key: &'static str,
    iv: &'static str,
    plaintext: &'static str,
    ciphertext: &'static str,
) -> CipherVector {
    CipherVector {
        encryption,
        key,
        iv,
        aad: "",
        plaintext,
        ciphertext,
        icv: "",
    }
}

const fn gcm(
    encryption: Encryption,
    key: &'static str,
    ciphertext: &'static str,
    icv: &'static str,
) -> CipherVector {
    CipherVector {
        encryption,
        key,
        iv: GCM_NONCE,
        aad: "",
        plaintext: GCM_PLAINTEXT,
        ciphertext,
        icv,
    }
}

/// A vector whose key and nonce are zero.
const fn gcm_of_zeros(
    encryption: Encryption,
    plaintext: &'static str,
    ciphertext: &'static str,
    icv: &'static str,
) -> CipherVector {
    CipherVector {
        encryption,
        key: match encryption {
            Encryption::AesGcm128 => ZERO_BLOCK,
            Encryption::AesGcm192 => ZEROS.split_at(48).0,
            _ => ZEROS,
        },
        iv: ZEROS.split_at(24).0,
        aad: "",
        plaintext,
        ciphertext,
        icv,
    }
}

/// An HMAC's vector: a key of equal bytes, and the ICV truncated as ESP does.
pub(super) struct HmacVector {
    pub(super) hash: Hash,
    pub(super) key: u8,
    pub(super) text: &'static [u8],
    pub(super) icv: &'static str,
}

/// Text of the cases 1.
const HI_THERE: &[u8] = b"Hi There";
/// Text of the cases 3.
const FIFTY_DD: &[u8] = &[0xdd; 50];

/// RFC 2202 sections 2 and 3, RFC 4868 sections 2.7.2.1 to 2.7.2.3: cases 1 and 3.
pub(super) const HMAC_VECTORS: &[HmacVector] = &[
    hmac(Hash::Md5, 0x0b, HI_THERE, "9294727a3638bb1c13f48ef8"),
    hmac(Hash::Md5, 0xaa, FIFTY_DD, "56be34521d144c88dbb8c733"),
    hmac(Hash::Sha1, 0x0b, HI_THERE, "b617318655057264e28bc0b6"),
    hmac(Hash::Sha1, 0xaa, FIFTY_DD, "125d7342b9ac11cd91a39af4"),
    hmac(
        Hash::Sha256,
        0x0b,
        HI_THERE,
        "198a607eb44bfbc69903a0f1cf2bbdc5",
    ),
    hmac(
        Hash::Sha256,
        0xaa,
        FIFTY_DD,
        "cdcb1220d1ecccea91e53aba3092f962",
    ),
    hmac(
        Hash::Sha384,
        0x0b,
        HI_THERE,
        "b6a8d5636f5c6a7224f9977dcf7ee6c7fb6d0c48cbdee973",
    ),
    hmac(
        Hash::Sha384,
        0xaa,
        FIFTY_DD,
        "809f439be00274321d4a538652164b53554a508184a0c316",
    ),
    hmac(
        Hash::Sha512,
        0x0b,
        HI_THERE,
        "637edc6e01dce7e6742a99451aae82df23da3e92439e590e43e761b33e910fb8",
    ),
    hmac(
        Hash::Sha512,
        0xaa,
        FIFTY_DD,
        "2ee7acd783624ca9398710f3ee05ae41b9f9b0510c87e49e586cc9bf961733d8",
    ),
];

const fn hmac(hash: Hash, key: u8, text: &'static [u8], icv: &'static str) -> HmacVector {
    HmacVector {
        hash,
        key,
        text,
        icv,
    }
}
