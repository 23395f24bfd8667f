#include "unit.h"

CU_TestInfo token_sign_tests[] = {
	CU_TEST_INFO_NULL,
};
